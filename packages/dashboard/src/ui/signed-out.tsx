import { Icon } from './icon.tsx';
import { Layout } from './layout.tsx';

/** The cookie is gone or has expired while the page was open. */
export function SignedOut() {
  return (
    <Layout>
      <section className="end" role="alert">
        <span className="end-icon end-neutral">
          <Icon name="link-off" />
        </span>
        <h1>You are signed out</h1>
        <p className="muted">
          Open a new sign-in link. On the controller’s machine, <code>npx browser-vm link</code> prints one.
        </p>
        <div className="end-actions">
          <button type="button" className="button button-primary" onClick={() => location.reload()}>
            Reload
          </button>
        </div>
      </section>
    </Layout>
  );
}
