import type { HostReport } from '../../api/client.ts';
import { Notice } from '../../ui/notice.tsx';

/** Says what on the host would keep a VM from starting, and what to do; nothing when all is well. */
export function HostNotice({ report, onReload }: { report: HostReport; onReload: () => void }) {
  const problems = report.checks.filter((check) => !check.ok);
  if (problems.length === 0) return null;
  return (
    <Notice
      tone="warning"
      title={problems.length === 1 ? 'The host has a problem' : `The host has ${problems.length} problems`}
      testId="host-problems"
      action={
        <button type="button" className="button button-quiet" onClick={onReload}>
          Check again
        </button>
      }
    >
      <ul className="problems">
        {problems.map((problem) => (
          <li key={problem.name}>
            <strong>{problem.name}</strong> {problem.detail}
            {problem.remedy !== undefined && <span className="remedy">{problem.remedy}</span>}
          </li>
        ))}
      </ul>
    </Notice>
  );
}
