import type { ReactNode } from 'react';
import { Link } from '../router/link.tsx';
import { PATHS } from '../router/paths.ts';
import { Logo } from './logo.tsx';

/** The frame of every page. */
export function Layout({
  children,
  wide = false,
  aside,
}: {
  children: ReactNode;
  wide?: boolean;
  aside?: ReactNode;
}) {
  return (
    <>
      <a className="skip-link" href="#main">
        Skip to content
      </a>
      <header className="top">
        <div className={wide ? 'top-inner top-wide' : 'top-inner'}>
          <Link className="brand" href={PATHS.providers}>
            <Logo />
            <span>
              Polydev <span className="brand-light">Browser VM</span>
            </span>
          </Link>
          {aside}
        </div>
      </header>
      <main id="main" className={wide ? 'page page-wide' : 'page'} tabIndex={-1}>
        {children}
      </main>
    </>
  );
}
