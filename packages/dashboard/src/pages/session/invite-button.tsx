import type { Fault } from '@browser-vm/protocol';
import { useId, useState } from 'react';
import { api, toFault, type ViewerResponse } from '../../api/client.ts';
import { Dialog } from '../../ui/dialog.tsx';
import { Icon } from '../../ui/icon.tsx';
import { FaultNotice } from '../../ui/notice.tsx';
import { exactTime, relativeTime } from '../../ui/time.ts';
import { useNow } from '../../ui/use-now.ts';
import { copyToClipboard } from '../../viewer/clipboard/clipboard.ts';

/** Makes a link for somebody who may watch this desktop, and no more. */
export function InviteButton({ sessionId }: { sessionId: string }) {
  const [making, setMaking] = useState(false);
  const [invitation, setInvitation] = useState<ViewerResponse | null>(null);
  const [fault, setFault] = useState<Fault | null>(null);
  const invite = async () => {
    // Not disabled meanwhile, which would take the focus away.
    if (making) return;
    setMaking(true);
    setFault(null);
    try {
      setInvitation(await api.invite(sessionId));
    } catch (thrown) {
      setFault(toFault(thrown));
    }
    setMaking(false);
  };
  const close = () => {
    setInvitation(null);
    setFault(null);
  };
  return (
    <>
      <button
        type="button"
        className="button button-small"
        data-testid="invite"
        onClick={() => void invite()}
        aria-busy={making}
      >
        <Icon name="eye" />
        Invite to watch
      </button>
      {(invitation !== null || fault !== null) && (
        <Dialog title="Invite to watch" onClose={close} testId="invitation">
          {fault !== null && <FaultNotice title="No link could be made" fault={fault} />}
          {invitation !== null && <Invitation invitation={invitation} onClose={close} />}
        </Dialog>
      )}
    </>
  );
}

function Invitation({ invitation, onClose }: { invitation: ViewerResponse; onClose: () => void }) {
  const [copied, setCopied] = useState(false);
  const [id, expiryId] = [useId(), useId()];
  const now = useNow(10_000);
  const expires = Date.parse(invitation.viewerTokenExpiresAt);
  return (
    <>
      <label htmlFor={id}>Whoever opens this link sees the desktop and cannot act on it:</label>
      <input
        id={id}
        readOnly
        value={invitation.viewerUrl}
        onFocus={(event) => event.target.select()}
        aria-describedby={expiryId}
        data-testid="invitation-link"
      />
      <p id={expiryId} className="muted" data-testid="invitation-expiry">
        It lets people in until {exactTime(expires)} ({relativeTime(expires, now)}), or until the sign-in is
        over.
      </p>
      <p role="status" className="visually-hidden">
        {copied ? 'The link is copied' : ''}
      </p>
      <div className="dialog-buttons">
        <button type="button" className="button button-small" onClick={onClose}>
          Close
        </button>
        <button
          type="button"
          className="button button-small button-primary"
          data-testid="invitation-copy"
          onClick={() => void copyToClipboard(invitation.viewerUrl).then(setCopied)}
        >
          <Icon name={copied ? 'check' : 'copy'} />
          {copied ? 'Copied' : 'Copy link'}
        </button>
      </div>
    </>
  );
}
