import { runProgram } from '../lib/config/run-program.ts';
import { runCoordinator } from './run-coordinator.ts';

await runProgram(runCoordinator);
