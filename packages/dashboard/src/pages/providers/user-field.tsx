import { type FormEvent, useEffect, useId, useRef, useState } from 'react';
import { isUserId } from './user-id.ts';

/** Whose sign-ins the page shows. Changed on Enter or by the button, never while typing. */
export function UserField({ userId, onChange }: { userId: string; onChange: (userId: string) => void }) {
  const [text, setText] = useState(userId);
  const input = useRef<HTMLInputElement>(null);
  const [id, hintId] = [useId(), useId()];
  useEffect(() => setText(userId), [userId]);
  const trimmed = text.trim();
  const changed = trimmed !== userId;
  const valid = isUserId(trimmed);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (valid) onChange(trimmed);
    else input.current?.focus();
  };
  return (
    <form className="user-field" onSubmit={submit}>
      <label htmlFor={id}>User</label>
      <div className="user-field-row">
        <input
          ref={input}
          id={id}
          value={text}
          onChange={(event) => setText(event.target.value)}
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
          maxLength={128}
          aria-invalid={changed && !valid}
          aria-describedby={hintId}
          data-testid="user-id"
        />
        {changed && (
          <button type="submit" className="button button-quiet" disabled={!valid} data-testid="user-switch">
            Switch
          </button>
        )}
      </div>
      <p id={hintId} className={changed && !valid ? 'hint hint-invalid' : 'visually-hidden'}>
        Letters, digits and . _ @ + : - only
      </p>
    </form>
  );
}
