package house

// aCase is a small input that etcd-lock once answered wrongly, and what holds the right
// answer now.
type aCase struct {
	made  string // how to make it
	truth string // what is said of it, or happens
	held  []held
}

// held are tests of a package. A test with a slash is one of a test's own tests.
type held struct {
	pkg   string
	tests []string
	flags []string // that they need to run
	times int      // how often they run; 0: once
	own   int      // how many of their own tests run beside one another; 0: as many as there are cores
}

func by(pkg string, tests ...string) held { return held{pkg: pkg, tests: tests} }

// with returns h for tests that run with flags only.
func (h held) with(flags ...string) held {
	h.flags = flags
	return h
}

// repeated returns h for tests that run so many times in a row.
func (h held) repeated(times int) held {
	h.times = times
	return h
}

// beside returns h for tests whose own tests each have servers of their own and mostly wait:
// so many run beside one another.
func (h held) beside(own int) held {
	h.own = own
	return h
}

// cases are numbered from 1. docs/cases.md is written from them.
var cases = []aCase{
	{
		"`etcdctl put path/1 x; etcdctl lock path`",
		"The mutex waits, and `path/1` is in its way, without a lease.",
		[]held{by("internal/cli", "TestScripts/blockers", "TestScripts/incidents"), by("internal/inspect", "TestTruth")},
	},
	{
		"A plain `put` on the key of a mutex that is held, whose client is then killed; two more wait.",
		"The key holds without a lease, for ever; `release --holder` deletes it.",
		[]held{by("internal/cli", "TestScripts/incidents", "TestReleaseChoose/Detached"), by("internal/inspect", "TestTruth")},
	},
	{
		"The same on the key of an election's leader, or a `put` with another lease.",
		"`detached` and `blocks`; nothing is said to be released or granted.",
		[]held{by("internal/cli", "TestCases/c3").with("-cases"), by("internal/inspect", "TestEvents", "TestTruth"), by("internal/narrate", "TestSelfWaitBehindAnotherKey")},
	},
	{
		"A mutex `/svc` is asked for while `/svc/x` is held.",
		"It waits for `/svc/x`.",
		[]held{by("internal/cli", "TestScripts/blockers", "TestScripts/incidents"), by("internal/inspect", "TestTruth")},
	},
	{
		"A deadlock through `/n/x`, `/n` and `/c`.",
		"It is found as a deadlock.",
		[]held{by("internal/cli", "TestScripts/blockers", "TestScripts/incidents"), by("internal/diagnose", "TestFindings", "TestSearchLaw")},
	},
	{
		"One name in two layouts, each pair in both orders.",
		"The second one waits, except a read/write lock behind a mutex.",
		[]held{by("internal/cli", "TestCases/c6").with("-cases"), by("internal/inspect", "TestTruth"), by("internal/cli", "TestScripts/blockers", "TestScripts/incidents")},
	},
	{
		"`etcdctl lock /z/read`, then `etcd-lock exec /z`.",
		"`exec` says which mutex it waits for, and `--try` does too.",
		[]held{by("internal/cli", "TestScripts/blockers", "TestScripts/incidents"), by("internal/supervise", "TestFindBlocker")},
	},
	{
		"A mutex of the name \"\", and `/my-lock/` asked for as `/my-lock`.",
		"They are listed, and the name that was meant is said.",
		[]held{by("internal/cli", "TestScripts/blockers"), by("tui/screens", "TestEmptyName")},
	},
	{
		"Keys of other software, such as `/service/x/leader`.",
		"A name is free only if no key begins with it; the other keys are counted.",
		[]held{by("internal/cli", "TestScripts/blockers"), by("internal/layout", "TestFixtures", "TestOtherKeys")},
	},
	{
		"A lease of 2,147,483,647 s in the UI.",
		"A lease of 68 years is shown.",
		[]held{by("internal/cli", "TestCasesBesidePrograms/C10").with("-cases"), by("tui/screens", "TestTTLBar")},
	},
	{
		"Leases of 3.1 to 4.6 billion seconds.",
		"They are healthy.",
		[]held{by("internal/cli", "TestCases/c11").with("-cases"), by("internal/inspect", "TestMissedRenewalsOfAnyLease"), by("internal/diagnose", "TestFindingsOfAnyLease", "TestRemediesForHealthyHoldersAreConditional")},
	},
	{
		"A lease is over, and etcd does not revoke it.",
		"It is overdue since N s, and blocks; there is a remedy.",
		[]held{
			by("internal/cli", "TestCasesBesidePrograms/C12").with("-cases"),
			by("internal/inspect", "TestLeasesInTrouble"), by("internal/release", "TestReleaseOverdue"), by("internal/cli", "TestShowLeaseInTrouble"),
			by("internal/diagnose", "TestFindings", "TestRemediesUnderCorrupt"), by("tui/app", "TestAlarmIsAProblem"),
		},
	},
	{
		"A key whose lease etcd does not have, as after a restore; then the lease is granted again.",
		"Nothing will ever remove the key, a request or another key in the way; the remedy deletes it.",
		[]held{by("internal/cli", "TestCasesBesidePrograms/C13").with("-cases"), by("internal/inspect", "TestLeasesInTrouble", "TestUnattached"), by("internal/release", "TestReleaseOverdue"), by("internal/diagnose", "TestFindings")},
	},
	{
		"etcd's lock service with the lease 0.",
		"A lease that nobody renews; ending it helps only if its client is dead.",
		[]held{by("internal/cli", "TestCases/c14").with("-cases"), by("internal/narrate", "TestLeaseThatNobodyRenews")},
	},
	{
		"A negative lease ID.",
		"What is printed for it is accepted.",
		[]held{by("internal/cli", "TestCases/c15").with("-cases"), by("internal/format", "TestParseLease"), by("internal/cli", "TestReleaseOptions")},
	},
	{
		"The UI starts beside a wait that is a minute old and noted no time.",
		"It has waited at least since the watch began.",
		[]held{by("internal/cli", "TestCasesBesidePrograms/C16").with("-cases"), by("tui/app", "TestWaitOlderThanTheUI"), by("internal/cli", "TestLsWaitAtLeast")},
	},
	{
		"A client is killed that has a lease of two hours.",
		"Not renewed for N s.",
		[]held{by("internal/cli", "TestCasesBesidePrograms/C17").with("-cases"), by("tui/app", "TestDeadClientOfALongLease"), by("tui/state", "TestDeadClientIsNeverSeenToRenew")},
	},
	{
		"A waiter is granted the lock after 12 minutes.",
		"It has held since the grant.",
		[]held{by("internal/cli", "TestCasesBesidePrograms/C18").with("-cases"), by("tui/app", "TestHoldCountsFromItsGrant"), by("internal/inspect", "TestStart")},
	},
	{
		"5,001 to 100,000 requests for one name.",
		"`show` and `why` take at most half as long again as `ls`, and JSON less than 400 bytes a request.",
		[]held{by("internal/bench", "TestLongQueue").with("-queue-requests", "10000"), by("internal/cli/output", "TestDocumentWithLists"), by("internal/cli/docs", "TestAppendJSON"), by("internal/cli/docs", "TestBytesOfRequest"), by("internal/diagnose", "TestAllocationsOfALongQueue")},
	},
	{
		"A key `/a`, and a lock key that begins with `/a` and a NUL.",
		"No command is printed that a shell would read as one about `/a`.",
		[]held{by("internal/cli", "TestScripts/blockers"), by("internal/printable", "TestShell")},
	},
	{
		"A user who may read two prefixes, and a deadlock across both.",
		"It is found with both, and below one of them it is said what to read.",
		[]held{by("internal/cli", "TestScripts/prefixes"), by("internal/connect", "TestReach"), by("internal/narrate", "TestNested"), by("internal/cli", "TestWhyPastOfPrefixes"), by("tui/app", "TestUnseenUnder")},
	},
	{
		"A scenario with `007`, `1.10` or `null` as names.",
		"A name is the text of the file; null is refused.",
		[]held{by("internal/cli", "TestCases/c22").with("-cases"), by("simulate/scenario", "TestPlainText", "TestPlainNull", "TestPlainTagged"), by("internal/config", "TestPlainNames")},
	},
	{
		"`etcd-lock --ascii` and `--audit` without `tui`.",
		"The same as with `tui`.",
		[]held{by("internal/cli", "TestCasesBesidePrograms/C23").with("-cases"), by("internal/cli", "TestRootIsTUI")},
	},
	{
		"`exec` as process 1, with a command that leaves 50 orphans.",
		"They are reaped.",
		[]held{by("internal/cli", "TestCases/c24").with("-cases"), by("internal/supervise", "TestRunReapsOrphans", "TestWaitReapsOrphans")},
	},
	{
		"The UI's terminal is closed, with SIGHUP ignored.",
		"The UI ends, and gives its locks back.",
		[]held{by("internal/cli", "TestDemo/TheTerminalIsClosedAndSIGHUPIgnored")},
	},
	{
		"SIGTERM for a UI whose terminal nobody reads.",
		"It ends.",
		[]held{by("internal/cli", "TestCasesBesidePrograms/C26").with("-cases"), by("tui", "TestRun/NobodyReads"), by("internal/cli", "TestTUIUnreadTerminal")},
	},
	{
		"The same signal twice at once for a queued `exec`.",
		"Its keys are taken back.",
		[]held{by("internal/cli", "TestCases/c27").with("-cases"), by("internal/supervise", "TestRun")},
	},
	{
		"`show NAME --history` through etcd's grpc-proxy.",
		"It ends, with a read.",
		[]held{by("internal/cli", "TestCases/c28").with("-cases"), by("internal/inspect", "TestHistoryWithoutProgress/Proxy")},
	},
	{
		"`exec --ttl 2s`, `3s` and `5s` through grpc-proxy.",
		"The lock is kept.",
		[]held{by("internal/cli", "TestCases/c29").with("-cases"), by("rwlock", "TestSessionThroughProxy", "TestTheLastOfRenewalsCounts")},
	},
	{
		"The tests of `internal/cluster` 20 times on a busy machine.",
		"They pass.",
		[]held{by("internal/cluster", "TestKilledParent").repeated(20)},
	},
	{
		"`release` with `--cert` and `--key`, or with `ETCDCTL_KEY` set.",
		"It connects; no command has a flag that hides a global one.",
		[]held{by("internal/cli", "TestNoFlagHidesAGlobal", "TestScripts/auth", "TestScripts/tls")},
	},
	{
		"A member of three is cut off from its peers, or the leader is stopped; `exec` holds a lock.",
		"The lock is kept.",
		[]held{by("rwlock", "TestSessionsBesideLeaderlessMembers", "TestSessionsBesideAStoppedLeader", "TestMoreHoldsThanStreamsAfterALeaderlessSpell")},
	},
	{
		"The same with three and five members, for every read and `exec`, with all endpoints given.",
		"They succeed, by the members that have a leader.",
		[]held{by("internal/etcd", "TestMembersCutOffFromTheirPeers", "TestMemberThatNobodyHears", "TestStoppedLeaderFirst", "TestLeaderStopsMeanwhile", "TestUselessEndpointsFirst"), by("internal/inspect", "TestThreeMembers", "TestWatchesBesideACutOffMember", "TestWatchesBesideAStoppedLeader"), by("internal/stories", "TestUselessMembers").with("-long-faults").beside(5)},
	},
	{
		"A store is restored in place from a snapshot, beneath holders and waiters.",
		"A holder whose token the store does not have has lost, and no waiter is granted by it.",
		[]held{by("rwlock", "TestRestoredStore", "TestReleaseAfterRestore"), by("internal/once", "TestWatcher")},
	},
	{
		"`show NAME --history` and the UI's history on etcd 3.4.23, 3.5.0 and 3.5.7.",
		"The history is shown. What these servers say of progress is not believed.",
		[]held{
			by("internal/stories", "TestServers").with("-servers").beside(8), by("internal/servers", "TestTellsProgress"),
			by("internal/inspect", "TestHistoryWithoutProgress"),
		},
	},
	{
		"etcd 3.5.7 behind a link that drops every second, under load.",
		"In the end a watch shows what a read does.",
		[]held{by("internal/stories", "TestDroppingLink").with("-servers"), by("internal/inspect", "TestWatchDropsAfterEarlyProgress")},
	},
	{
		"Another store behind the same address, at a later or an earlier revision; one restored in place.",
		"`resynced`, with the reason; the locks are those of the store that answers.",
		[]held{
			by("internal/inspect", "TestAnotherClusterBehindTheAddress", "TestRestoredInPlace", "TestRestoredUnchanged", "TestRestoredTerm", "TestLeasesOfAnotherCluster"),
			by("internal/recorder", "TestRecordResynced"), by("tui/app", "TestResyncedIsLogged"),
		},
	},
	{
		"`simulate run` through grpc-proxy.",
		"It ends, with a read.",
		[]held{by("simulate/verify", "TestHistoryWithoutProgress"), by("internal/inspect", "TestWatchWithoutProgress/Proxy")},
	},
	{
		"`access --check` as a user who is not root, on etcd 3.4.23 to 3.7, with a learner, under an alarm.",
		"It prints each row, and `unknown` where etcd does not answer.",
		[]held{
			by("internal/access", "TestCheckOfReluctantServers"), by("internal/stories", "TestServers").with("-servers").beside(8),
			by("internal/cli", "TestAlarmsAreSaid"), by("internal/etcd", "TestLearner"),
		},
	},
	{
		"Scenarios and `exec --ttl 2s` on a cluster with an election timeout of 5 s or 10 s.",
		"They pass, or say which TTL was granted and where they can run.",
		[]held{
			by("simulate", "TestLibraryOnASlowEtcd").with("-slow-etcd").beside(2), by("simulate", "TestRaisedTTL", "TestRaisedTTLTooLong"),
			by("internal/supervise", "TestRaisedTTL"), by("internal/cli", "TestExecSaysRaisedTTL"), by("tui/app", "TestClientOfASlowCluster"),
		},
	},
	{
		"A learner among the endpoints, with passwords.",
		"It is left out.",
		[]held{by("internal/etcd", "TestLearner", "TestUselessEndpointsFirst")},
	},
	{
		"The leader changes while a client with a TTL of 60 s is dead.",
		"The TTL began anew; nobody renewed it.",
		[]held{by("internal/inspect", "TestLeaderChangeStartsTTLsAnew"), by("tui/app", "TestTTLStartsAnewAtALeaderChange")},
	},
	{
		"`simulate load` where every request is refused.",
		"It fails.",
		[]held{by("simulate/load", "TestResultErrWithoutGrants")},
	},
	{
		"Endpoints with a comma at the end; `--auth-jwt-token`; `ETCDCTL_DISCOVERY_SRV`.",
		"As in etcdctl.",
		[]held{by("internal/cli", "TestGlobals", "TestGlobalsErrors"), by("internal/etcd", "TestConnectWithToken")},
	},
	{
		"`exec` through grpc-proxy with passwords, whose login expires.",
		"It says that the proxy renews no lease.",
		[]held{by("internal/stories", "TestLoginsExpireBehindProxy"), by("rwlock", "TestSessionThroughProxyWithAuth")},
	},
}
