import './without-eval.ts';
import '@fontsource-variable/inter/wght.css';
import './ui/theme.css';
import './ui/components.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { enterByLink } from './enter-by-link.ts';
import { defineViewerElement } from './viewer/element.ts';

defineViewerElement();
const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no #root');
await enterByLink();
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
