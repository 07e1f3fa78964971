import { fromHex, toHex, utf8 } from '../../core/bytes.ts';
import { ReportData } from '../report-data.ts';
import type { DstackClient } from './dstack-client.ts';
import { mustCarry, type EvidenceCollector } from './hardware-attester.ts';
import { unavailable } from './unavailable.ts';

const UPDATE = 'update dstack to 0.5 or newer';

/**
 * A container in a confidential machine that dstack manages. Evidence: JSON with what `GetQuote` answers, as it
 * answers it: `quote` (hexadecimal), `event_log` (JSON in a string) and `vm_config` (JSON in a string; absent in old versions).
 */
export const dstack = (client: DstackClient): EvidenceCollector => ({
  platform: 'dstack',
  async collect(reportData) {
    const asked = ReportData.bytesOf(reportData);
    const { quote, event_log, vm_config } = await client.call('GetQuote', { report_data: toHex(asked) });
    const bytes = typeof quote === 'string' ? fromHex(quote.toLowerCase()) : null;
    if (bytes === null || bytes.length === 0) throw unavailable('dstack GetQuote', 'no quote', UPDATE);
    if (typeof event_log !== 'string') throw unavailable('dstack GetQuote', 'no event log', UPDATE);
    mustCarry(bytes, asked, 'dstack GetQuote');
    const config = typeof vm_config === 'string' ? { vm_config } : {};
    return utf8(JSON.stringify({ quote, event_log, ...config }));
  },
});
