import './stand-ins.ts';
import { crashTable } from './crash-table.ts';

crashTable('enclave', ({ program }) => program.startsWith('enclave'));
