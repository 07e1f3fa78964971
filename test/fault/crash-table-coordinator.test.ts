import './stand-ins.ts';
import { crashTable } from './crash-table.ts';

crashTable('coordinator', ({ program }) => program.startsWith('coordinator'));
