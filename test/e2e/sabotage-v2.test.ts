import { sabotageSuite } from './sabotage-suite.ts';

sabotageSuite('v2');
