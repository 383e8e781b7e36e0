/** Writes the dashboard for Grafana: `npm run write -w grafana`. */
import { writeFileSync } from 'node:fs';
import { FILE, text } from './dashboard.mjs';

writeFileSync(FILE, text());
