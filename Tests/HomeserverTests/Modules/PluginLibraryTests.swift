import Foundation
import Homeserver
import MatrixCore
import ModuleAPI
import Testing

/// Plug-ins, linked by the test from the object files that this build made of `Examples/KeywordFilter`.
struct PluginLibraryTests {
    @Test func `a plug-in is loaded and denies in the server's own types`() async throws {
        let test = RegistryUnderTest()
        let library = try plugin(of: ["KeywordFilter"])
        let modules = try await ModuleLoader().prepare([entry(library.path, ["words": ["casino"]])])
        try await test.registry.load(modules, context: { test.context($0.name) }, log: test.logger)
        #expect(
            test.log.all == [
                "info: Refusing messages with any of 1 words", "info: Loaded module KeywordFilter",
            ])
        try await test.registry.checkEventForSpam(event(content: ["body": "hello"]))
        await #expect(throws: MatrixError.forbidden("This message has been rejected as probable spam")) {
            try await test.registry.checkEventForSpam(event(content: ["body": "casino"]))
        }
        #expect(test.timings.value.map(\.module) == ["KeywordFilter", "KeywordFilter"])
    }

    @Test func `a plug-in's configuration error names the option`() async throws {
        let library = try plugin(of: ["KeywordFilter"])
        let error = await error(library.path, ["words": ["two words"]])
        #expect(error?.path == ["modules", "<item 0>", "config", "words", "<item 0>"])
        #expect(error?.causes == ["expected a word of letters and digits"])
    }

    @Test func `a plug-in with copies of the server's types is refused`() async throws {
        let library = try plugin(of: ["KeywordFilter", "ModuleAPI", "MatrixCore"])
        let error = await error(library.path)
        #expect(
            error?.causes == [
                "It contains a copy of ModuleAPI; link it with the package's dynamic product 'ModuleAPI'."
            ])
    }

    @Test func `a library that is no plug-in is refused`() async throws {
        let source = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).swift")
        try Data().write(to: source)
        defer { try? FileManager.default.removeItem(at: source) }
        let library = try BuiltLibrary([source.path])
        let error = await error(library.path)
        #expect(error?.causes == ["It does not export the function 'axolemma_module'."])
    }

    @Test func `a file that is no library is refused`() async {
        let error = await error("/dev/null/x.so")
        #expect(error?.causes.first?.contains("/dev/null/x.so") == true)
    }

    private func entry(_ library: String, _ configuration: JSON? = nil) -> ModuleLoader.Entry {
        ModuleLoader.Entry(library, configuration: configuration, path: ["modules", "<item 0>"])
    }

    /// What is wrong with a library.
    private func error(_ library: String, _ configuration: JSON? = nil) async -> ModuleConfigurationError? {
        let errors = await #expect(throws: ModuleConfigurationErrors.self) {
            try await ModuleLoader().prepare([entry(library, configuration)])
        }
        return errors?.errors.first
    }

    /// Links a plug-in from the object files of these targets.
    private func plugin(of targets: [String]) throws -> BuiltLibrary {
        let products = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        let objects = try targets.flatMap { target in
            try FileManager.default.contentsOfDirectory(
                at: products.appending(path: "\(target).build"), includingPropertiesForKeys: nil)
        }.map(\.path).filter { $0.hasSuffix(".o") }
        return try BuiltLibrary(objects)
    }

    /// A library that is deleted when it is no longer needed.
    private final class BuiltLibrary {
        let path = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).so").path

        init(_ inputs: [String]) throws {
            let compiler = Process()
            compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            compiler.arguments = ["swiftc", "-emit-library", "-o", path] + inputs
            try compiler.run()
            compiler.waitUntilExit()
            try #require(compiler.terminationStatus == 0)
        }

        deinit { try? FileManager.default.removeItem(atPath: path) }
    }
}
