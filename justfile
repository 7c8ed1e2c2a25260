# The few commands that people need. `just` alone lists them.

[private]
default:
    @just --list

# Formats all code.
fmt:
    cargo fmt --all

# The tests.
test *arguments:
    cargo test --workspace {{arguments}}

# Writes the golden files of the columns and of the DDL anew: after a change of tables.rs, or of what `ddl` prints.
golden:
    UPDATE_EXPECT=1 cargo test --package label-lake --lib --package label-lake-cli --test command golden

# The main job on this machine: an event in, a lake of Parquet files out.
run event="events/sns.json" *arguments:
    cargo run --package label-lake-cli -- run {{event}} {{arguments}}

# All that a change has to pass.
ci:
    .ci/run

# Advisories and licences of the dependencies. Needs cargo-deny and the advisory database.
deny:
    cargo deny check
