export { Agent } from './agent.ts';
export { START_PAGE_PRESSED_COLOUR } from './desktop/start-page.ts';
export { type AgentOptions, guestOptions } from './options.ts';
export { lookUpUser } from './user.ts';
