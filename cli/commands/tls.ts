import { HELP_GROUP, type CommandModule } from '../command-module.ts';
import { tlsCa } from './tls/ca.ts';
import { tlsIssue } from './tls/issue.ts';

/** `consilium tls …`: throw-away certificates, so that a trial needs nobody's PKI. */
export const tlsCommand: CommandModule = {
  register(program, io) {
    const group = program
      .command('tls')
      .helpGroup(HELP_GROUP.run)
      .summary('make throw-away TLS certificates for trials')
      .description(
        'Throw-away TLS certificates, for trials only: in a real study the consortium has its own authority. They say ' +
          'who may call what; no patient is protected by them (the attested channel does that).',
      );
    for (const module of [tlsCa, tlsIssue]) module.register(group, io);
  },
};
