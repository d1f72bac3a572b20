// What other folders show of this one; load-network.ts loads it.
export { CopiesDialog } from "./copies-dialog.tsx";
export { NetworkBody } from "./network-body.tsx";
