export { type ConfigurationSources, loadConfiguration } from './configuration/load.ts';
export { type Controller, type ControllerOptions, createController } from './controller.ts';
export { createLogger } from './logging/logger.ts';
export { readVaultOffline, type StoredCredential } from './vault/offline.ts';
