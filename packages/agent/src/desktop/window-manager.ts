import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AgentOptions } from '../options.ts';
import { asUser, cleanEnvironment } from '../user.ts';
import type { Command } from './supervised.ts';

/**
 * Every window fills the screen without a frame; no menu and no key leads out of the browser. The focus follows the
 * pointer: to focus at a press, Openbox would hold each press back until it has looked at it, while keys pass by, and
 * what is typed right after a click would come before it.
 */
const CONFIGURATION = `<?xml version="1.0" encoding="UTF-8"?>
<openbox_config xmlns="http://openbox.org/3.4/rc">
  <focus><focusNew>yes</focusNew><followMouse>yes</followMouse><raiseOnFocus>no</raiseOnFocus></focus>
  <desktops><number>1</number><popupTime>0</popupTime></desktops>
  <keyboard></keyboard>
  <mouse></mouse>
  <applications>
    <application type="normal"><decor>no</decor><maximized>true</maximized><focus>yes</focus></application>
  </applications>
</openbox_config>
`;

export function windowManagerCommand(options: AgentOptions): Command {
  const configuration = join(options.runtimeDirectory, 'openbox.xml');
  writeFileSync(configuration, CONFIGURATION);
  const argv = asUser(options.user, ['openbox', '--config-file', configuration]);
  return {
    name: 'window manager',
    argv: () => argv,
    env: cleanEnvironment(options),
  };
}
