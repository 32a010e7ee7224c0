#!/usr/bin/env node
import { Command } from 'commander';
import { doctorCommand } from './commands/doctor.ts';
import { imageCommand } from './commands/image.ts';
import { linkCommand } from './commands/link.ts';
import { sessionCommand } from './commands/session.ts';
import { upCommand } from './commands/up.ts';
import { printFault } from './print-fault.ts';

const program = new Command('browser-vm')
  .description('Throw-away browser microVMs for signing in to command-line tools')
  .showHelpAfterError('(browser-vm --help lists the commands)')
  .addCommand(upCommand())
  .addCommand(doctorCommand())
  .addCommand(imageCommand())
  .addCommand(sessionCommand())
  .addCommand(linkCommand());

try {
  await program.parseAsync();
} catch (error) {
  printFault(error);
  process.exitCode = 1;
}
