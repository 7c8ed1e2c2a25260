# Common commands. `just` without arguments lists them.

[private]
default:
    @just --list

# Formats all code: Rust, Python and TypeScript (after `npm --prefix cdk ci`).
fmt:
    cargo fmt --all
    .ci/lint-scripts --fix
    npm --prefix cdk run format

# Runs the tests.
test *arguments:
    cargo test --workspace {{arguments}}

# Updates the golden files of the columns and the DDL, after a change of the schema or of the output of `ddl`.
golden:
    UPDATE_EXPECT=1 cargo test --package label-lake --lib --package label-lake-cli --test command golden

# Exports the job of an event to a local lake of Parquet files.
run event="events/sns.json" *arguments:
    cargo run --package label-lake-cli -- run {{event}} {{arguments}}

# Runs all checks that a change must pass.
ci:
    .ci/run

# Checks the dependencies' advisories and licenses. Needs cargo-deny and downloads the advisory database.
deny:
    cargo deny check
