import { mainJob } from './main-job-suite.ts';

mainJob('v2');
