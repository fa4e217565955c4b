//! The program `lore`; all of it is in the library.

fn main() -> std::process::ExitCode {
    lore_client::main()
}
