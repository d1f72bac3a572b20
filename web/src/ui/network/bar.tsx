/** How far something is, 0 to 1. */
export function Bar({ label, part }: { label: string; part: number }) {
  return (
    <div
      class="meter"
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(part * 100)}
    >
      <span class="meter-fill" style={{ inlineSize: `${part * 100}%` }} />
    </div>
  );
}
