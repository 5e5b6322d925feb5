# What people and CI do with this project. CI calls the same targets: see .ci/run.

GO ?= go
export GO
FUZZTIME ?= 10s

# What is too long for every change, a step a target: make soak runs all, make soak-kernel one.
SOAK = soak-mutants soak-kernel soak-tls soak-browser soak-relay soak-sim soak-race soak-load soak-day soak-flaky soak-explore soak-evidence soak-macos

.PHONY: help run build test unit lint mutants kernel figures bench bench-relay fuzz golden cucumber soak $(SOAK)

help: ## Show the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-11s %s\n", $$1, $$2 }'

# Not "go run": that turns every exit code but 0 into 1.
run: build ## Run the suite against the reference SDK; the report is proxyspec-report/index.html
	./proxyspec run

build: ## Build the command, ./proxyspec
	$(GO) build -o proxyspec .

test: lint unit run mutants ## All that CI runs: lint, unit, run and mutants

# Each against the scenarios that name a rule which it breaks.
mutants: build ## Prove that the suite notices whoever breaks a rule; the report is proxyspec-report/mutants.html
	./proxyspec mutants

soak: $(SOAK) ## The long forms of the proofs, one after the other (see SOAK in the Makefile)

# But for the scenarios that take minutes for each mutant and have a short form.
soak-mutants: build # Every mutant, every sound SDK, and all that a stranger may do or do wrong, against the whole suite
	./proxyspec mutants --all --tags "not @exhaustive" --out proxyspec-soak
	$(GO) test -count=1 -v -run TestReplayGivesTheRecordedTrace ./conformance/suite -replays 1000
	$(GO) test -count=1 -v -run TestNoPacketLeavesTheHost ./conformance/suite -isolated-tags "not @exhaustive"
	$(GO) test -count=1 -v -timeout 30m -run TestSoundSDKsPass ./conformance/suite -sound-tags "not @exhaustive"
	$(GO) test -count=1 -v -timeout 30m -run TestStrangerPasses ./conformance/suite -stranger-tags ""
	$(GO) test -count=1 -v -timeout 60m -run 'TestStranger(Takes|sFaults)' ./conformance/suite -stranger-all

soak-tls: # TLS, a mebibyte each way, 100 seeds at each loss, in order and out of it
	$(GO) test -count=1 -run '^TestTLSOverLossyLinks$$' ./sim -seeds=100

soak-kernel: # 200 random policies, on which the kernel's firewall, ours and the evaluator of rulesets agree; 100 MB each way to the kernel's TCP
	.ci/gotest -count=1 -run '^TestRandomPoliciesAgreeWithTheKernel$$' ./sim/kernel -policies=200
	.ci/gotest -count=1 -run '^TestOurTCPAndTheKernels$$' ./sim/kernel -megabytes=100

# About 30 minutes on two quiet cores, most of it waiting.
soak-browser: build # The reference Web SDK in Chromium has the outcomes of the one in Go, scenario by scenario; a stranger's passes; mutants are killed
	./proxyspec run --sdk reference --sdk browser:reference --jobs 6 --tags "not @exhaustive" --out proxyspec-soak
	./proxyspec report compare --only-run proxyspec-soak/reference proxyspec-soak/browser-reference
	./proxyspec run --sdk browser:conformance/suite/testdata/stranger.js --jobs 6 --tags "not @exhaustive" --out proxyspec-soak/stranger
	./proxyspec mutants --browser --jobs 6 --out proxyspec-soak/browser-reference
	$(GO) test -run '^$$' -bench '^BenchmarkBrowser$$' -benchtime 1x ./conformance/suite

soak-race: # Every Go test with the race detector
	CGO_ENABLED=1 .ci/gotest -race -timeout 30m ./...

soak-sim: # Random worlds with and without short cuts; one seed, one trace
	GOMAXPROCS=1 $(GO) test -count=1 -v -run '^TestPathsChangeNothing$$' ./sim -worlds=3000
	$(GO) test -count=1 -v -run '^TestOneSeedOneTrace$$' ./sim/trace -runs=1000

soak-explore: build # 87,000 random worlds, a million steps; mutants that such worlds find, each with five seeds
	./proxyspec explore --runs 87000 --seed 1
	$(GO) test -count=1 -v -timeout 2h -run '^TestRandomWorldsFindWhatIsPlanted$$' ./conformance/suite -planted-seeds=5 -planted=$(PLANTED)

soak-evidence: # tshark reads every capture of the whole suite; the page of 5,000 cases is there in 2 s
	$(GO) test -count=1 -v -run '^TestCapturesAreSound$$' ./conformance/suite -capture-tags "not @exhaustive"
	$(GO) test -count=1 -v -run '^TestLargePageInChromium$$' ./reports -page-cases 5000
	$(GO) test -count=1 -v -run '^TestReportsCostLittle$$' ./conformance/suite -cost

soak-macos: # All of it, tests too, is Go that compiles there
	GOOS=darwin GOARCH=arm64 CGO_ENABLED=0 $(GO) vet ./...

soak-load: # 10,000 users in one world, and beside them what a hundred cost
	GOMAXPROCS=1 $(GO) test -count=1 -v -timeout 2h -run '^TestMany$$' ./conformance/load/crowd -many=10000

soak-day: # A call of 24 hours, with a relay killed in each of them
	GOMAXPROCS=1 $(GO) test -count=1 -v -timeout 30m -run '^TestLongCall$$' ./conformance/load/crowd -hours=24

PLANTED = direct-messages=CP-FLOW-04,skips-lookup=CP-FLOW-04,early-contact=CP-FLOW-04,never-gives-up=CP-FLOW-09,repeats-messages=CP-FLOW-06,doubles-messages=CP-FLOW-06,alters-messages=CP-FLOW-06,gives-in=CP-API-30,stop-keeps-cloud=CP-FLOW-14,proxy-after-start=CP-API-30,loses-messages=CP-FLOW-06,refused-stop-stops=CP-API-30,direct-media=CP-FLOW-04,keeps-allocations=CP-SEQ-04,start-in-channel=CP-API-30,joined-too-early=CP-FLOW-01,asks-elsewhere=CP-FLOW-03,asks-in-volleys=CP-FLOW-11,always-proxied=CP-FLOW-14,calls-back=CP-SEQ-06

# The suite's seeds begin at FLAKY_SEED, for whoever wants others.
FLAKY_RUNS ?= 200
FLAKY_SEED ?= 1
soak-flaky: # The suite 200 times under contention: no case may end in one way here and in another there
	$(GO) test -count=1 -v -timeout 6h -run '^TestOutcomesNeverChange$$' ./conformance/suite -flaky-runs=$(FLAKY_RUNS) -flaky-seed=$(FLAKY_SEED) -flaky-tags "not @exhaustive"

soak-relay: # 10,000 allocations and 2,000 stalled connections beside two calls: as many as 20,000 open files allow
	.ci/gotest -count=1 -run '^TestCrowd$$' ./relay -crowd=10000

# The race detector needs a C compiler and its headers. The packages of PROGRAMS start this program, or a browser, again and
# again, hundreds of users, or a TURN server with each of its faults: the detector would look at what other packages have it
# look at, and take minutes. make soak-race has it all. Much of their time they wait: more of them may do so at once than
# there are processors.
PROGRAMS = /conformance/(browser|cli|load/crowd|suite)$$|/features$$|/relay/check$$|/reports$$
unit: ## Run the Go tests, with the race detector where there is a C compiler
	@if echo 'int main(void) { return 0; }' | $$($(GO) env CC) -x c -include stdlib.h -o /dev/null - 2>/dev/null; then \
		set -x; CGO_ENABLED=1 .ci/gotest -race $$($(GO) list ./... | grep -vE '$(PROGRAMS)') && \
		.ci/gotest -parallel 4 $$($(GO) list ./... | grep -E '$(PROGRAMS)') && \
		.ci/gotest -run '^TestAgainstPion$$' ./relay/turn; \
	else \
		echo "no C compiler here: the tests run without the race detector"; \
		set -x; CGO_ENABLED=0 .ci/gotest ./...; \
	fi

lint: ## Check formatting, go vet and staticcheck
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "gofmt -w these:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

# In real time, many at once: about ten minutes on two quiet cores.
kernel: ## Hold SDKs that are programs, on real sockets, against virtual time, scenario by scenario
	$(GO) test -count=1 -v -timeout 30m -run 'Kernel|Program|BrokenAdapters' ./conformance/suite -kernel.whole

# Each figure is a ratio within one run, or a size. On a busy machine they scatter.
figures: ## Print how the virtual network compares with its peers
	@{ $(GO) test -run '^$$' -bench 'Peer|Many|Idle|Capture|Rules|WebRTC' -benchtime 1x ./sim ./sim/firewall && \
	$(GO) test -tags gvisor -run '^$$' -bench 'TCPBulk' -cpu 1,2 ./sim; } | \
	awk '/^Benchmark/ { sub(/^Benchmark/, "", $$1); line = sprintf("%-40s", $$1); \
		for (i = 3; i < NF; i += 2) if ($$i != 0) line = line sprintf(" %12s %-14s", $$i, $$(i+1)); print line }'

bench: figures ## Run every benchmark
	$(GO) test -run '^$$' -bench . -benchmem ./...

fuzz: ## Run every fuzz target for FUZZTIME (10s)
	@for package in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz'); do \
			(set -x; $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1s $$package) || exit 1; \
		done; \
	done

# The view of cucumber.html; nothing of it is fetched when a report is written.
CUCUMBER ?= 24.2.0
cucumber: ## Fetch the script of cucumber.html anew, with its licence
	@folder=$$(mktemp -d) && cd $$folder && npm pack @cucumber/html-formatter@$(CUCUMBER) >/dev/null && tar xzf *.tgz && \
	cp package/LICENSE package/dist/main.js package/dist/main.css package/dist/main.js.LICENSE.txt $(CURDIR)/reports/cucumber/ && rm -r $$folder

golden: ## Rewrite the golden files of the reports; look at the difference before you commit it
	$(GO) test ./reports -update

bench-relay: ## Compare the relay's CPU and memory with coturn's and pion/turn's (Linux)
	$(GO) build -o relay-bench ./relay/bench
	./relay-bench; code=$$?; rm -f relay-bench; exit $$code
