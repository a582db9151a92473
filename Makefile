# Everything that one does with this repository. `make` alone says what.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

# `./...` does not see nested modules, so every target walks this list. The
# library comes last, so that its results are what one sees. tools pins versions,
# and has our own plugin for buf.
MODULES := benchmarks examples tools revocation/redisfeed .
BIN ?= $(CURDIR)/.bin
FUZZTIME ?= 30s
BENCHTIME ?= 1s
BENCHCOUNT ?= 1

GOLANGCI_LINT_VERSION := v2.15.0
GOVULNCHECK_VERSION := v1.9.0
GOLANGCI_LINT := $(BIN)/golangci-lint
GOVULNCHECK := $(BIN)/govulncheck
BUF := go tool -modfile=tools/go.mod buf

# -race needs cgo and a C compiler that works; without them the tests run too.
# RACE= turns it off, RACE=-race demands it.
RACE ?= $(shell CGO_ENABLED=1 go build -race -o /dev/null runtime/cgo 2>/dev/null && echo -race)

.PHONY: help
help: ## Say what each target does
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1\t\2/p' $(firstword $(MAKEFILE_LIST)) | while IFS=$$'\t' read -r target text; do \
		printf '  make %-15s %s\n' "$$target" "$$text"; \
	done

.PHONY: demo
demo: ## Start the example platform and play its scenes, each checked
	go -C examples build -o '$(BIN)/platform' ./platform
	'$(BIN)/platform' demo

.PHONY: test
test: ## Run all tests; with the race detector where there is a C compiler
	@failed=; for module in $(MODULES); do \
		(set -x; go -C "$$module" test $(RACE) -shuffle=on ./...) || failed=yes; \
	done; [ -z "$$failed" ]

.PHONY: lint
lint: $(GOLANGCI_LINT) ## Check the style of Go and of protos
	@failed=; for module in $(MODULES); do \
		(set -x; cd "$$module" && '$(GOLANGCI_LINT)' run --config '$(CURDIR)/.golangci.yml' ./...) || failed=yes; \
	done; [ -z "$$failed" ]
	$(BUF) lint
	$(BUF) format --diff --exit-code

.PHONY: generate
generate: ## Generate Go from the protos
	$(BUF) build # before the old files go
	find proto examples/gen -name '*.pb.go' -delete -o -name '*.pb.gw.go' -delete
	$(BUF) generate

.PHONY: tidy
tidy: ## Tidy every module
	@for module in $(MODULES); do \
		(set -x; go -C "$$module" mod tidy); \
	done

.PHONY: format
format: $(GOLANGCI_LINT) ## Format Go and protos
	@for module in $(MODULES); do \
		(set -x; cd "$$module"; '$(GOLANGCI_LINT)' fmt --config '$(CURDIR)/.golangci.yml' ./...); \
	done
	$(BUF) format --write

# What is not yet committed is checked as it is: generate, tidy and format run
# on a copy of the tree, which is then compared with another copy.
.PHONY: check
check: $(GOLANGCI_LINT) ## Check that generate, tidy and format would change nothing
	@copy=$$(mktemp -d); trap 'rm -rf "$$copy"' EXIT; \
	mkdir "$$copy/tree"; \
	git ls-files -z --cached --others --exclude-standard --deduplicate \
		| while IFS= read -rd '' file; do if [ -e "$$file" ]; then printf '%s\0' "$$file"; fi; done \
		| tar -cf - --null -T - | tar -xf - -C "$$copy/tree"; \
	cp -R "$$copy/tree" "$$copy/made"; \
	$(MAKE) -C "$$copy/made" --no-print-directory BIN='$(BIN)' generate tidy format; \
	git --no-pager -C "$$copy" diff --no-index --exit-code tree made || { \
		echo 'make check: these files are not as "make generate tidy format" leaves them:' >&2; \
		git --no-pager -C "$$copy" diff --no-index --name-only tree made | sed 's#^[^/]*/#  #' >&2; \
		exit 1; \
	}
	@echo 'make check: the tree is as generate, tidy and format leave it'

# Go spends up to a minute on making each input that reaches new code smaller,
# and runs nothing else meanwhile; -fuzzminimizetime keeps that short.
.PHONY: fuzz
fuzz: ## Run each fuzz target for FUZZTIME (30s)
	@for module in $(MODULES); do \
		go -C "$$module" list -f '{{.Dir}}' ./... | while read -r package; do \
			find "$$package" -maxdepth 1 -name '*_test.go' -exec sed -nE 's/^func (Fuzz[A-Za-z0-9_]+).*/\1/p' {} + \
				| while read -r target; do \
					(set -x; go -C "$$package" test -run '^$$' -fuzz "^$$target$$" -fuzztime '$(FUZZTIME)' -fuzzminimizetime 100x . </dev/null); \
				done; \
		done; \
	done

# It ends shortly before the time is up. SOAKSEED=... repeats the faults of
# another run.
.PHONY: soak-keys
soak-keys: ## Let key sets live through outages and rotations for SOAKTIME (210s)
	go test $(RACE) -tags soak -run '^TestSoak$$' -count=1 -v -timeout '$(or $(SOAKTIME),210s)' ./keyset

# It measures times, so the race detector is off, and would leave two thirds of the
# calls: GOFLAGS=-race turns it on. Nothing else should be running. It wants the
# program redis-server.
.PHONY: soak-revocation
soak-revocation: ## Revoke tokens while many call three servers, for SOAKTIME (120s)
	go -C revocation/redisfeed test -tags soak -run '^TestSoak$$' -count=1 -v -timeout '$(or $(SOAKTIME),120s)' .

# Times are noisy: compare what one run has measured. BENCHTIME=3s takes longer, and
# BENCHCOUNT=10 is what benchstat wants. BENCH=Cold is only some of it.
.PHONY: bench
bench: ## Measure what the library and its peers cost
	go -C benchmarks test -run '^$$' -bench '$(or $(BENCH),.)' -benchtime '$(BENCHTIME)' -count '$(BENCHCOUNT)' -timeout 0 ./...

# REPORT='-only chain' measures a part, REPORT=-short all of it roughly.
.PHONY: bench-report
bench-report: ## Compare the library with its peers and its goals, in four minutes
	go -C benchmarks run ./report $(REPORT)

.PHONY: vuln
vuln: $(GOVULNCHECK) ## Look for known vulnerabilities in what we call
	@for module in $(MODULES); do \
		(set -x; '$(GOVULNCHECK)' -C "$$module" ./...); \
	done

.PHONY: clean
clean: ## Remove what was installed and built here
	rm -rf '$(BIN)'

# A tool is installed when it is missing or of another version.
.PHONY: $(GOLANGCI_LINT)
$(GOLANGCI_LINT):
	@$(call install,github.com/golangci/golangci-lint/v2/cmd/golangci-lint,$(GOLANGCI_LINT_VERSION))

.PHONY: $(GOVULNCHECK)
$(GOVULNCHECK):
	@$(call install,golang.org/x/vuln/cmd/govulncheck,$(GOVULNCHECK_VERSION))

# $(call install,package,version)
install = go version -m '$@' 2>/dev/null | grep -qE '^[[:space:]]mod.*[[:space:]]$(2)[[:space:]]' \
	|| { echo 'installing $(1)@$(2)'; GOBIN='$(BIN)' go install '$(1)@$(2)'; }
