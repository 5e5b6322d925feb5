package result_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/result"
)

func broken(id string, passed int, others ...result.Outcome) result.Broken {
	b := result.Broken{Requirement: id, Passed: passed}
	for _, o := range others {
		s := result.Shot{Outcome: o}
		if o == result.Fail {
			b.Failed = append(b.Failed, s)
		} else {
			b.Open = append(b.Open, s)
		}
	}
	return b
}

func TestJudgeMutation(t *testing.T) {
	const must, other = "CP-AA-01", "CP-AA-02"
	killed := broken(must, 0, result.Fail)
	for _, tt := range []struct {
		name    string
		breaks  []result.Broken
		change  func(*result.Mutation)
		fate    result.Fate
		verdict string
		exit    int
	}{
		{"killed", []result.Broken{killed}, nil, result.Killed, result.Proven, result.ExitPassed},
		{"killed by one case of several", []result.Broken{broken(must, 3, result.HarnessFault, result.Fail)}, nil, result.Killed, result.Proven, result.ExitPassed},
		{"one rule let it go", []result.Broken{killed, broken(other, 2)}, nil, result.Survived, result.NotProven, result.ExitFailed},
		{"a rule without a scenario changes nothing", []result.Broken{killed, broken(other, 0)}, nil, result.Killed, result.Proven, result.ExitPassed},
		{"a fault is no kill", []result.Broken{killed, broken(other, 1, result.HarnessFault)}, nil, result.Open, result.Partial, result.ExitFault},
		{"nor is it when nothing was judged", []result.Broken{killed, broken(other, 1, result.NotJudged)}, nil, result.Open, result.Partial, result.ExitPartial},
		{"a MUST kills none", []result.Broken{broken(other, 0, result.Fail)}, nil, result.Killed, result.NotProven, result.ExitFailed},
		{"of chosen mutants that isn't asked", []result.Broken{broken(other, 0, result.Fail)},
			func(m *result.Mutation) { m.Chosen = true }, result.Killed, result.Proven, result.ExitPassed},
		{"nor of a tool's rule", []result.Broken{broken(other, 0, result.Fail)},
			func(m *result.Mutation) { m.Rules[0].Subject = "tool" }, result.Killed, result.Proven, result.ExitPassed},
		{"a case of a MUST failed at none", []result.Broken{killed},
			func(m *result.Mutation) { m.NeverFailed = []result.Harmless{{Case: "a", Owes: true}} }, result.Killed, result.NotProven, result.ExitFailed},
		{"a case of another rule may", []result.Broken{killed},
			func(m *result.Mutation) { m.NeverFailed = []result.Harmless{{Case: "a"}} }, result.Killed, result.Proven, result.ExitPassed},
		{"strays don't count", []result.Broken{broken(must, 1)},
			func(m *result.Mutation) { m.Mutants[0].Besides = []result.Broken{broken(other, 0, result.Fail)} },
			result.Survived, result.NotProven, result.ExitFailed},
		{"the reference failed", []result.Broken{broken(must, 0, result.NotRun)},
			func(m *result.Mutation) { m.Reference = []result.Shot{{Outcome: result.Fail}} }, result.Unmet, result.Unsound, result.ExitFault},
		{"interrupted", []result.Broken{broken(must, 1, result.NotRun)},
			func(m *result.Mutation) { m.Interrupted = true }, result.Unmet, result.Partial, result.ExitInterrupted},
		{"no scenario at all", []result.Broken{broken("CP-AA-03", 0)},
			func(m *result.Mutation) { m.Rules = nil }, result.Unproved, result.Partial, result.ExitPartial},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := &result.Mutation{
				Mutants: []result.Mutant{{SDK: "mutant:a", Breaks: tt.breaks}},
				Rules: []result.KillingRule{
					{ID: must, Level: result.Must, Subject: result.SubjectSDK}, {ID: other, Level: result.Should, Subject: result.SubjectProxy},
				},
			}
			if tt.change != nil {
				tt.change(m)
			}
			for range 2 { // judging again changes nothing
				result.JudgeMutation(m)
				require.Equal(t, tt.fate, m.Mutants[0].Fate)
				require.Equal(t, tt.verdict, m.Verdict)
				require.Equal(t, tt.exit, result.MutationExitCode(m))
			}
		})
	}
}
