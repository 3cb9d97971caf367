# One-line shortcuts; each is a command that works without make.
.PHONY: dev test check fix ci bench

dev:
	python3 manage.py dev

test:
	python3 manage.py test

check:
	tools/check

fix:
	tools/check --fix

ci:
	.ci/run

bench:
	python3 manage.py bench metrics --scale 1k,10k,100k
