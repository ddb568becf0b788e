import ArgumentParser
import ServerConfiguration

/// `axolemma module`
struct ModuleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "module",
        abstract: "Begin a module, or look at those that are configured.",
        subcommands: [New.self, List.self])

    /// `axolemma module new`
    struct New: ParsableCommand {
        enum Language: String, ExpressibleByArgument, CaseIterable { case swift, python }

        static let configuration = CommandConfiguration(
            abstract: "Write a package for a new module, with a test.",
            discussion: """
                The package builds, passes its test and can be loaded as it stands; its
                README says how.

                  axolemma module new RoomKeeper
                  axolemma module new RoomKeeper --language python
                """)

        @Argument(help: "The module's name, such as RoomKeeper. Its folder is called so too.")
        var name: String

        @Option(help: "What to write it in: swift or python.")
        var language: Language = .swift

        @Option(help: ArgumentHelp("Where to make its folder (default: here).", valueName: "folder"))
        var directory = "."

        @Option(
            help: ArgumentHelp(
                "Axolemma's source, to build a Swift module with (default: what this program was built from).",
                valueName: "folder"))
        var axolemma: String?

        func run() throws {
            let template: ModuleTemplate
            do throws(ModuleTemplate.InvalidName) {
                template = try ModuleTemplate(name: name)
            } catch {
                throw ValidationError("\(error).")
            }
            let folder = Files.absolute("\(directory)/\(name)")
            guard !Files.exists(folder) else {
                throw ValidationError("\(folder) exists already; choose another name or another --directory.")
            }
            let files: [ModuleTemplate.File]
            switch language {
            case .python: files = template.python()
            case .swift:
                guard let source = axolemma.map(Files.absolute) ?? Installation.checkout else {
                    throw ValidationError("Name the folder of Axolemma's source with --axolemma.")
                }
                files = template.swift(axolemma: source)
            }
            do throws(Files.Failure) {
                for file in files {
                    let path = "\(folder)/\(file.path)"
                    try Files.makeDirectory(Files.directory(of: path), mode: 0o755)
                    try Files.create(path, file.text, mode: 0o644)
                }
            } catch {
                StandardError.print("\(folder) cannot be written: \(error)")
                throw ExitCode.failed
            }
            print("Wrote \(folder). Its README.md says how to build, test and load it.")
        }
    }
}
