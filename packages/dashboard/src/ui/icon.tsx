import type { ReactNode } from 'react';

const SHAPES = {
  check: <path d="m4.5 10.5 3.5 3.5 7.5-8" />,
  cross: <path d="m5.5 5.5 9 9m0-9-9 9" />,
  alert: (
    <>
      <path d="M10 3.5 17.5 16.5h-15z" />
      <path d="M10 8.5v3.5M10 14.2v.1" />
    </>
  ),
  clock: (
    <>
      <circle cx="10" cy="10" r="6.75" />
      <path d="M10 6.25V10l2.5 1.75" />
    </>
  ),
  'arrow-left': <path d="M16 10H4m4.5-4.5L4 10l4.5 4.5" />,
  'arrow-right': <path d="M4 10h12m-4.5-4.5L16 10l-4.5 4.5" />,
  user: (
    <>
      <circle cx="10" cy="7" r="3" />
      <path d="M4 16.5c.8-2.8 3.2-4 6-4s5.2 1.2 6 4" />
    </>
  ),
  screen: (
    <>
      <rect x="2.75" y="4" width="14.5" height="9.5" rx="1.5" />
      <path d="M7.5 16.5h5" />
    </>
  ),
  keyboard: (
    <>
      <rect x="2.5" y="5.5" width="15" height="9" rx="1.5" />
      <path d="M5.5 8.5h.1m2.9 0h.1m2.9 0h.1m2.9 0h.1M7 11.5h6" />
    </>
  ),
  copy: (
    <>
      <rect x="7" y="7" width="9.5" height="9.5" rx="1.5" />
      <path d="M13 7V5a1.5 1.5 0 0 0-1.5-1.5H5A1.5 1.5 0 0 0 3.5 5v6.5A1.5 1.5 0 0 0 5 13h2" />
    </>
  ),
  eye: (
    <>
      <path d="M2.5 10c1.8-3.3 4.4-5 7.5-5s5.7 1.7 7.5 5c-1.8 3.3-4.4 5-7.5 5s-5.7-1.7-7.5-5z" />
      <circle cx="10" cy="10" r="2.25" />
    </>
  ),
  paste: (
    <>
      <rect x="4" y="4.5" width="12" height="12.5" rx="1.5" />
      <path d="M7.5 3h5v3h-5zM7 10h6m-6 3h4" />
    </>
  ),
  expand: <path d="M12.5 3.5h4v4m-9 9h-4v-4m13-9-5 5m-3 3-5 5" />,
  sound: <path d="M3.5 8v4H6l4 3.5v-11L6 8zM13 7.5c1.3 1.4 1.3 3.6 0 5m2.3-7.3c2.6 2.7 2.6 6.9 0 9.6" />,
  chart: <path d="M3.5 16.5h13M6 13.5V10m4 3.5V6m4 7.5V8.5" />,
  fit: <path d="M3.5 7.5v-4h4m5 0h4v4m0 5v4h-4m-5 0h-4v-4M7.5 10h5" />,
  hand: <path d="m5 3.5 10.5 6-4.6 1.2-2.2 4.3z" />,
  'link-off': (
    <>
      <rect x="4.25" y="9" width="11.5" height="7.5" rx="1.5" />
      <path d="M7 9V6.5a3 3 0 0 1 6 0V9" />
    </>
  ),
} as const satisfies Record<string, ReactNode>;

export type IconName = keyof typeof SHAPES;

/** A line icon; always beside a text, so it is hidden from screen readers. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg
      className="icon"
      viewBox="0 0 20 20"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.6"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      {SHAPES[name]}
    </svg>
  );
}
