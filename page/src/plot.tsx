// A figure as it is now, and a small curve of how it was lately.

interface Props {
  readonly title: string;
  readonly unit: string;
  /** The newest last; NaN where there was none. */
  readonly values: readonly number[];
  readonly decimals?: number;
  /** How many fit in the width. */
  readonly room: number;
}

const WIDTH = 240;
const HEIGHT = 48;

export function Plot({ title, unit, values, decimals = 1, room }: Props) {
  const last = [...values].reverse().find((value) => !Number.isNaN(value));
  const top = Math.max(...values.filter((value) => !Number.isNaN(value)), 1e-9);
  const shown = last === undefined ? "–" : last.toFixed(decimals);
  const x = (i: number) => WIDTH - ((values.length - 1 - i) * WIDTH) / Math.max(1, room - 1);
  const y = (value: number) => HEIGHT - 2 - (value / (top * 1.1)) * (HEIGHT - 6);
  const points = values.flatMap((value, i) =>
    Number.isNaN(value) ? [] : [`${x(i).toFixed(1)},${y(value).toFixed(1)}`],
  );
  return (
    <figure class="plot card">
      <figcaption class="small quiet">{title}</figcaption>
      <p>
        <strong class="fixed">{shown}</strong>{" "}
        <span class="quiet small">{last === undefined ? "nothing yet" : unit}</span>
      </p>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${title} in the last three minutes, at most ${top.toFixed(decimals)} ${unit}`}
      >
        <line x1={0} y1={HEIGHT - 2} x2={WIDTH} y2={HEIGHT - 2} />
        {points.length > 1 && (
          <>
            <polygon
              points={`${points.join(" ")} ${WIDTH},${HEIGHT} ${points[0]?.split(",")[0]},${HEIGHT}`}
            />
            <polyline points={points.join(" ")} />
          </>
        )}
      </svg>
    </figure>
  );
}
