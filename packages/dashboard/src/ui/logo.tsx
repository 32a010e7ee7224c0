/** The product's mark: a screen with a prompt. */
export function Logo() {
  return (
    <svg className="logo" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="8" fill="currentColor" />
      <g fill="none" stroke="#fff" strokeWidth="2" strokeLinecap="round" strokeLinejoin="round">
        <rect x="7" y="8" width="18" height="14" rx="2.5" />
        <path d="m11 12.5 3 2.5-3 2.5M16.5 18H20M12 25.5h8" />
      </g>
    </svg>
  );
}
