import './support/browser-globals.ts';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type InputMessage, inputMessageSchema } from '@browser-vm/protocol';

const { KeyboardInput } = await import('../src/viewer/input/keyboard.ts');

/** A keyboard on a bare event target, and what it sent. */
function keyboard() {
  const sent: InputMessage[] = [];
  const sink = Object.assign(new EventTarget(), { value: '' }) as HTMLTextAreaElement;
  const input = new KeyboardInput(sink, (message) => sent.push(inputMessageSchema.parse(message)));
  const press = (type: 'keydown' | 'keyup', key: string, code: string, more: object = {}) => {
    const modifiers = {
      shiftKey: false,
      ctrlKey: false,
      altKey: false,
      metaKey: false,
      location: 0,
      keyCode: 0,
    };
    const event = new Event(type, { cancelable: true });
    Object.assign(event, {
      key,
      code,
      isComposing: false,
      getModifierState: () => false,
      ...modifiers,
      ...more,
    });
    sink.dispatchEvent(event);
    return event;
  };
  const emit = (type: string, more: object) => sink.dispatchEvent(Object.assign(new Event(type), more));
  return { input, sent, press, emit };
}

const keys = (sent: readonly InputMessage[]) =>
  sent.filter((message) => message.type === 'key').map(({ keysym, pressed }) => (pressed ? keysym : -keysym));

test('a key goes down and up as the X11 keysym of what was typed', () => {
  for (const [key, code, keysym, more] of [
    ['a', 'KeyA', 0x61],
    ['A', 'KeyA', 0x41],
    ['@', 'Digit2', 0x40],
    ['é', 'Digit2', 0xe9],
    ['я', 'KeyZ', 0x100044f],
    // As software keyboards send it.
    ['я', '', 0x100044f],
    ['€', 'KeyE', 0x10020ac],
    ['Enter', 'Enter', 0xff0d],
    ['Enter', 'NumpadEnter', 0xff8d, { location: 3 }],
    ['Backspace', 'Backspace', 0xff08],
    ['Tab', 'Tab', 0xff09],
    ['ArrowLeft', 'ArrowLeft', 0xff51],
    ['F5', 'F5', 0xffc2],
    ['AltGraph', 'AltRight', 0xfe03, { location: 2 }],
  ] as const) {
    const { sent, press } = keyboard();
    const down = press('keydown', key, code, more ?? {});
    press('keyup', key, code, more ?? {});
    assert.deepEqual(keys(sent), [keysym, -keysym], key);
    assert.ok(down.defaultPrevented, `${key} does nothing here`);
  }
});

test('what the guest’s keyboard has no key for is typed as text, a shortcut is not', () => {
  const { sent, press } = keyboard();
  press('keydown', 'あ', 'KeyA');
  press('keyup', 'あ', 'KeyA');
  press('keydown', 'ฟ', 'KeyA', { altKey: true, getModifierState: (name: string) => name === 'AltGraph' });
  press('keyup', 'ฟ', 'KeyA');
  assert.deepEqual(sent, [
    { type: 'text', text: 'あ' },
    { type: 'text', text: 'ฟ' },
  ]);
  press('keydown', 'Control', 'ControlLeft', { ctrlKey: true });
  press('keydown', 'ฟ', 'KeyA', { ctrlKey: true });
  assert.deepEqual(keys(sent), [0xffe3, 0x61]);
});

test('a key is released as what it was pressed as, though the modifier changed in between', () => {
  const { sent, press } = keyboard();
  press('keydown', 'Shift', 'ShiftLeft', { shiftKey: true, location: 1 });
  press('keydown', 'A', 'KeyA', { shiftKey: true });
  press('keyup', 'Shift', 'ShiftLeft', { location: 1 });
  press('keyup', 'a', 'KeyA');
  assert.deepEqual(keys(sent), [0xffe1, 0x41, -0xffe1, -0x41]);
});

test('a modifier whose release went elsewhere is released on the next event', () => {
  const { input, sent, press } = keyboard();
  press('keydown', 'Control', 'ControlLeft', { ctrlKey: true, location: 1 });
  press('keydown', 'x', 'KeyX');
  assert.deepEqual(keys(sent), [0xffe3, -0xffe3, 0x78]);
  press('keydown', 'Shift', 'ShiftRight', { shiftKey: true, location: 2 });
  input.reconcile({ shift: false, control: false, alt: false, meta: false });
  assert.deepEqual(keys(sent).slice(3), [0xffe2, -0xffe2]);
});

test('losing focus releases every key, and then says release_all', () => {
  const { sent, press, emit } = keyboard();
  press('keydown', 'Alt', 'AltLeft', { altKey: true, location: 1 });
  press('keydown', 'q', 'KeyQ', { altKey: true });
  emit('blur', {});
  assert.deepEqual(keys(sent), [0xffe9, 0x71, -0xffe9, -0x71]);
  assert.equal(sent.at(-1)?.type, 'release_all');
  press('keyup', 'q', 'KeyQ');
  assert.equal(keys(sent).length, 4, 'a late key-up changes nothing');
});

test('the paste shortcut is left to the browser; pasting presses Control and V in the guest', () => {
  const { input, sent, press } = keyboard();
  press('keydown', 'Control', 'ControlLeft', { ctrlKey: true, location: 1 });
  assert.equal(press('keydown', 'v', 'KeyV', { ctrlKey: true }).defaultPrevented, false);
  input.paste();
  assert.deepEqual(keys(sent), [0xffe3, 0x76, -0x76], 'Control is down already');
  press('keyup', 'v', 'KeyV', { ctrlKey: true });
  press('keyup', 'Control', 'ControlLeft', { location: 1 });
  assert.deepEqual(keys(sent).slice(3), [-0xffe3]);
});

test('on a Mac, pasting lets Command go and presses Control', () => {
  const { input, sent, press } = keyboard();
  press('keydown', 'Meta', 'MetaLeft', { metaKey: true, location: 1 });
  assert.equal(press('keydown', 'v', 'KeyV', { metaKey: true }).defaultPrevented, false);
  input.paste();
  assert.deepEqual(keys(sent), [0xffeb, -0xffeb, 0xffe3, 0x76, -0x76, -0xffe3]);
});

test('text of an input method or an on-screen keyboard is typed: letters by keys, the rest as a whole', () => {
  const { sent, press, emit } = keyboard();
  assert.equal(press('keydown', 'Process', 'KeyK', { keyCode: 229 }).defaultPrevented, false);
  emit('compositionend', { data: '日本🙂' });
  assert.deepEqual(sent, [{ type: 'text', text: '日本🙂' }], 'no keyboard has keys for these');
  emit('compositionend', { data: 'ê' });
  emit('input', { inputType: 'insertText', data: 'h', isComposing: false });
  emit('input', { inputType: 'deleteContentBackward', data: null, isComposing: false });
  assert.deepEqual(
    keys(sent).filter((keysym) => keysym > 0),
    [0xea, 0x68, 0xff08],
  );
});

test('a shortcut is the same on a layout whose letters are not Latin', () => {
  for (const [key, code, keysym, more] of [
    ['с', 'KeyC', 0x63, { ctrlKey: true }],
    ['Е', 'KeyT', 0x54, { ctrlKey: true, shiftKey: true }],
    ['ж', 'Semicolon', 0x3b, { altKey: true }],
    ['&', 'Digit1', 0x31, { ctrlKey: true }],
    ['a', 'KeyQ', 0x61, { ctrlKey: true }],
    ['€', 'KeyE', 0x10020ac, { ctrlKey: true, altKey: true }],
  ] as const) {
    const { sent, press } = keyboard();
    press('keydown', key, code, more);
    press('keyup', key, code, more);
    assert.deepEqual(keys(sent), [keysym, -keysym], `${key} at ${code}`);
  }
  const { press } = keyboard();
  assert.equal(press('keydown', 'м', 'KeyV', { ctrlKey: true }).defaultPrevented, false, 'pastes');
  assert.equal(press('keydown', 'Insert', 'Insert', { shiftKey: true }).defaultPrevented, false, 'pastes');
});

test('what locks letters or digits acts here alone', () => {
  const { sent, press } = keyboard();
  press('keydown', 'CapsLock', 'CapsLock');
  press('keyup', 'CapsLock', 'CapsLock');
  press('keydown', 'A', 'KeyA');
  assert.deepEqual(keys(sent), [0x41]);
});

test('on a Mac, Command is Control, Option writes, and the keys that move in text move as they do there', (t) => {
  Object.defineProperty(navigator, 'platform', { value: 'MacIntel', configurable: true });
  t.after(() => Reflect.deleteProperty(navigator, 'platform'));
  const { sent, press } = keyboard();
  press('keydown', 'Meta', 'MetaLeft', { metaKey: true, location: 1 });
  press('keydown', 'c', 'KeyC', { metaKey: true });
  assert.deepEqual(keys(sent), [0xffe3, 0x63, -0x63], 'a Mac tells no release while Command is held');
  press('keydown', 'ArrowLeft', 'ArrowLeft', { metaKey: true });
  assert.deepEqual(keys(sent).slice(3), [-0xffe3, 0xff50, -0xff50, 0xffe3]);
  press('keyup', 'Meta', 'MetaLeft', { location: 1 });
  assert.deepEqual(keys(sent).slice(7), [-0xffe3]);
  press('keydown', 'Alt', 'AltLeft', { altKey: true, location: 1 });
  press('keydown', '@', 'KeyL', { altKey: true });
  assert.deepEqual(keys(sent).slice(8), [0xff7e, 0x40]);
  press('keyup', '@', 'KeyL', { altKey: true });
  press('keydown', 'ArrowRight', 'ArrowRight', { altKey: true });
  assert.deepEqual(keys(sent).slice(11), [-0xff7e, 0xffe3, 0xff53, -0xff53, -0xffe3, 0xff7e]);
});
