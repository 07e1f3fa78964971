import './stand-ins.ts';
import { crashTable } from './crash-table.ts';

crashTable('site', ({ program }) => program.startsWith('site'));
