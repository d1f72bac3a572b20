import { CheckIcon, WarningIcon } from "../icons.tsx";

export function Warnings({ warnings }: { warnings: readonly string[] }) {
  if (warnings.length === 0) {
    return (
      <p class="all-well">
        <CheckIcon /> All is well.
      </p>
    );
  }
  return (
    <section class="panel warnings" aria-labelledby="attention">
      <h2 id="attention">Needs attention</h2>
      <ul>
        {warnings.map((warning) => (
          <li key={warning}>
            <WarningIcon />
            <span class="any-length">{warning}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
