import type { ComponentChildren } from "preact";

export interface StatePanelProps {
  readonly icon?: ComponentChildren;
  readonly title: string;
  readonly children?: ComponentChildren;
  /** The one thing to do next. */
  readonly action?: ComponentChildren;
  readonly level?: 1 | 2;
}

/** What a place shows instead of its content: that it is empty, or what went wrong and what to do. */
export function StatePanel(props: StatePanelProps) {
  const Heading = props.level === 1 ? "h1" : "h2";
  return (
    <section class="state-panel">
      {props.icon !== undefined && <div class="state-icon">{props.icon}</div>}
      <Heading>{props.title}</Heading>
      {props.children}
      {props.action !== undefined && <div class="state-action">{props.action}</div>}
    </section>
  );
}
