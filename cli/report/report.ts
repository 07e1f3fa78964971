import { Html, html } from './html.ts';
import type { RunSummary } from './run-summary.ts';
import { details } from './sections/details.ts';
import { faults } from './sections/faults.ts';
import { header } from './sections/header.ts';
import { hospitals } from './sections/hospitals.ts';
import { participation } from './sections/participation.ts';
import { privacy } from './sections/privacy.ts';
import { result } from './sections/result.ts';
import { rounds } from './sections/rounds.ts';
import { simulatorNote } from './sections/simulator-note.ts';
import { verification } from './sections/verification.ts';
import { verifyYourself } from './sections/verify-yourself.ts';
import { STYLE } from './style.ts';

/**
 * `report.html`: one file for people, without scripts, without anything to fetch (its own content security policy
 * forbids both). The same summary gives the same bytes.
 */
export function renderReport(summary: RunSummary): string {
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'" />
        <meta name="referrer" content="no-referrer" />
        <title>${summary.study.title}: study report (simulated attestation)</title>
        <style>
          ${new Html(STYLE)}
        </style>
      </head>
      <body>
        <main>
          ${header(summary)} ${result(summary)} ${privacy(summary)} ${rounds(summary)} ${hospitals(summary)}
          ${participation(summary)} ${faults(summary)} ${verification(summary)} ${verifyYourself(summary)}
          ${details(summary)} ${simulatorNote(summary)}
        </main>
      </body>
    </html> `;
  return page.markup;
}
