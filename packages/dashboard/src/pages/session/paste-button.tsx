import { type FormEvent, useId, useState } from 'react';
import { Dialog } from '../../ui/dialog.tsx';
import { Icon } from '../../ui/icon.tsx';
import { readClipboard } from '../../viewer/clipboard/clipboard.ts';
import type { Viewer } from '../../viewer/viewer.ts';

/** Pastes what this person copied; where the browser does not hand it over, asks for it. */
export function PasteButton({ viewer }: { viewer: Viewer | null }) {
  const [asking, setAsking] = useState(false);
  const paste = async () => {
    const copied = await readClipboard();
    if (copied === null) return setAsking(true);
    viewer?.paste(copied);
    viewer?.focus();
  };
  return (
    <>
      <button type="button" className="button button-small" data-testid="paste" onClick={() => void paste()}>
        <Icon name="paste" />
        Paste
      </button>
      {asking && (
        <PasteBox
          onClose={() => setAsking(false)}
          onPaste={(text) => {
            viewer?.paste(text);
            viewer?.focus();
          }}
        />
      )}
    </>
  );
}

function PasteBox({ onClose, onPaste }: { onClose: () => void; onPaste: (text: string) => void }) {
  const [text, setText] = useState('');
  const id = useId();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onClose();
    // After the dialog has given the focus back.
    requestAnimationFrame(() => onPaste(text));
  };
  return (
    <Dialog title="Paste into the desktop" onClose={onClose} testId="paste-box">
      <form onSubmit={submit}>
        <label htmlFor={id}>This browser keeps the clipboard to itself. Paste or write the text here:</label>
        <textarea
          id={id}
          value={text}
          onChange={(event) => setText(event.target.value)}
          rows={4}
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
          data-testid="paste-text"
        />
        <div className="dialog-buttons">
          <button type="button" className="button button-small" onClick={onClose}>
            Close
          </button>
          <button
            type="submit"
            className="button button-small button-primary"
            disabled={text === ''}
            data-testid="paste-send"
          >
            Paste into the desktop
          </button>
        </div>
      </form>
    </Dialog>
  );
}
