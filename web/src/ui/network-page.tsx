import { loadNetwork } from "./network/load-network.ts";
import { useLoaded } from "./use-loaded.ts";
import { useTitle } from "./use-title.ts";

/** How the machines are; what it shows is loaded when it is first wanted. */
export function NetworkPage() {
  const body = useLoaded(loadNetwork, true);
  useTitle("Network");
  return (
    <>
      <div class="page-head">
        <h1 tabIndex={-1}>Network</h1>
      </div>
      {body.value === "failed" && (
        <p class="strip" role="alert">
          This page could not be loaded. Reload it to try again.
        </p>
      )}
      {typeof body.value === "object" && body.value !== null && <body.value.part />}
    </>
  );
}
