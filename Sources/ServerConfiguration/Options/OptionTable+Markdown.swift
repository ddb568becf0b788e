extension OptionTable {
    /// The table as the section of `docs/compatibility.md` that shows what becomes of every option.
    package static func markdown() -> String {
        var text = """
            An option is **used** as Synapse's manual describes it, **ignored** because it needs no effect here, **not yet**
            supported (named in a warning at start-up if it is set), or **refused**: the server does not start, since
            ignoring the option would be unsafe.

            """
        for section in synapse + additions {
            text += "\n### \(section.title)\n\n| Option | | |\n|---|---|---|\n"
            for option in section.options {
                let (status, note) =
                    switch option.status {
                    case .used: ("used", "")
                    case .ignored(let reason): ("ignored", reason)
                    case .unsupported: ("not yet", "")
                    case .refused(let reason): ("refused", reason)
                    }
                text += "| `\(option.name)` | \(status) | \(note) |\n"
                if !option.members.isEmpty {
                    let members = option.members.map { "`.\($0)`" }.joined(separator: " ")
                    text += "| \(members) | \(status) | |\n"
                }
            }
        }
        return text
    }
}
