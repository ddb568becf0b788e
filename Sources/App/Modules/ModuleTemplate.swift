import ServerConfiguration

/// A package for a new module, as `axolemma module new` writes it: it builds, passes its tests and can be loaded.
struct ModuleTemplate {
    /// A name that cannot be one.
    struct InvalidName: Error, CustomStringConvertible {
        let description: String
    }

    /// The name of the type: `RoomKeeper`.
    let name: String
    /// The name as Python's packages have it: `room_keeper`.
    var snakeName: String {
        var text = ""
        for (index, byte) in name.utf8.enumerated() {
            let isCapital = (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
            if isCapital, index > 0 { text += "_" }
            text += String(decoding: [isCapital ? byte | 0x20 : byte], as: UTF8.self)
        }
        return text
    }

    init(name: String) throws(InvalidName) {
        let isLetter: (UInt8) -> Bool = { ($0 | 0x20) >= 0x61 && ($0 | 0x20) <= 0x7A }
        guard let first = name.utf8.first, first >= 0x41, first <= 0x5A,
            name.utf8.allSatisfy({ isLetter($0) || (0x30...0x39).contains($0) }), name.utf8.count <= 60
        else {
            throw InvalidName(
                description: "'\(name)' cannot name a module: use letters and digits, a capital first, as in RoomKeeper"
            )
        }
        self.name = name
    }

    /// A file of the package.
    struct File {
        let path: String
        let text: String
    }

    /// A package in Swift.
    /// - Parameter axolemma: The folder of Axolemma's source, whose ModuleAPI the module is built with.
    func swift(axolemma: String) -> [File] {
        [
            File(
                path: "Package.swift",
                text: """
                    // swift-tools-version: 6.1
                    import PackageDescription

                    let package = Package(
                        name: "\(name)",
                        platforms: [.macOS(.v15)],
                        products: [
                            // `dynamic` makes it a shared library, which is what the server loads.
                            .library(name: "\(name)", type: .dynamic, targets: ["\(name)"])
                        ],
                        dependencies: [
                            // The source of the server that is to load the module.
                            .package(name: "Axolemma", path: "\(axolemma)")
                        ],
                        targets: [
                            .target(name: "\(name)", dependencies: [.product(name: "ModuleAPI", package: "Axolemma")]),
                            .testTarget(
                                name: "\(name)Tests",
                                dependencies: [
                                    "\(name)",
                                    // It brings ModuleTesting too.
                                    .product(name: "ModuleAPI", package: "Axolemma"),
                                ]),
                        ]
                    )

                    """),
            File(
                path: "Sources/\(name)/\(name).swift",
                text: """
                    public import MatrixCore
                    public import ModuleAPI

                    /// Refuses messages that hold a word.
                    public struct \(name): Module {
                        public struct Configuration: Sendable {
                            var word: String
                        }

                        private let word: String

                        public static func parseConfiguration(_ object: JSONObject) throws -> Configuration {
                            guard let word = object.string("word"), !word.isEmpty else {
                                throw ConfigurationError("expected a word", at: "word")
                            }
                            return Configuration(word: word)
                        }

                        public init(configuration: Configuration, context: any ModuleContext) {
                            word = configuration.word
                            context.register(SpamChecker(checkEventForSpam: check))
                        }

                        func check(_ event: Event) -> SpamAnswer {
                            guard let body = event.content.string("body"), body.contains(word) else { return .allow }
                            return .deny(message: "That word is not wanted here")
                        }
                    }

                    """),
            File(
                path: "Sources/\(name)/Plugin.swift",
                text: """
                    import ModuleAPI

                    /// What the server calls when it has loaded this library.
                    @_cdecl("axolemma_module")
                    public func axolemmaModule() -> UnsafeMutableRawPointer { ModulePlugin.export(\(name).self) }

                    """),
            File(
                path: "Tests/\(name)Tests/\(name)Tests.swift",
                text: """
                    import MatrixCore
                    import ModuleAPI
                    import ModuleTesting
                    import Testing

                    @testable import \(name)

                    struct \(name)Tests {
                        @Test func `a message with the word is refused, and others are not`() async throws {
                            let context = TestContext()
                            let configuration = try \(name).parseConfiguration(["word": "casino"])
                            _ = \(name)(configuration: configuration, context: context)
                            let allowed = try await context.checkEventForSpam(.message("tea at five?"))
                            let denied = try await context.checkEventForSpam(.message("to the casino!"))
                            #expect(allowed == .allow)
                            #expect(denied == .deny(message: "That word is not wanted here"))
                        }

                        @Test func `a word has to be given`() {
                            #expect(throws: ConfigurationError.self) { try \(name).parseConfiguration([:]) }
                        }
                    }

                    """),
            File(path: ".gitignore", text: ".build/\nPackage.resolved\n"),
            File(
                path: "README.md",
                text: """
                    # \(name)

                    A module for Axolemma: refuses messages that hold a word.

                        swift test
                        swift build -c release

                    Then, in homeserver.yaml:

                        modules:
                          - module: /path/to/\(name)/.build/release/lib\(name).so
                            config:
                              word: casino

                    """),
        ]
    }

    /// A package in Python.
    func python() -> [File] {
        let distribution = snakeName.replacing("_", with: "-")
        return [
            File(
                path: "pyproject.toml",
                text: """
                    [build-system]
                    requires = ["setuptools>=61"]
                    build-backend = "setuptools.build_meta"

                    [project]
                    name = "\(distribution)"
                    version = "0.1.0"
                    description = "Refuses messages that hold a word"
                    requires-python = ">=3.9"
                    # The server's environment has the package `synapse`; it must not be installed from PyPI into it.

                    [project.optional-dependencies]
                    test = ["pytest"]

                    [tool.setuptools]
                    packages = ["\(snakeName)"]

                    """),
            File(
                path: "\(snakeName)/__init__.py",
                text: """
                    \"\"\"Refuses messages that hold a word.\"\"\"

                    from __future__ import annotations

                    from typing import Any, Dict, Tuple, Union

                    from synapse.module_api import NOT_SPAM, EventBase, ModuleApi
                    from synapse.module_api.errors import Codes, ConfigError


                    class \(name):
                        def __init__(self, config: Dict[str, Any], api: ModuleApi) -> None:
                            self._word = config["word"]
                            api.register_spam_checker_callbacks(check_event_for_spam=self.check_event_for_spam)

                        @staticmethod
                        def parse_config(config: Dict[str, Any]) -> Dict[str, Any]:
                            if not isinstance(config.get("word"), str) or not config["word"]:
                                raise ConfigError("expected a word", ("word",))
                            return config

                        async def check_event_for_spam(
                            self, event: EventBase
                        ) -> Union[str, Tuple[Codes, Dict[str, Any]]]:
                            if self._word in str(event.content.get("body", "")):
                                return Codes.FORBIDDEN, {"error": "That word is not wanted here"}
                            return NOT_SPAM

                    """),
            File(
                path: "tests/test_\(snakeName).py",
                text: """
                    from __future__ import annotations

                    import asyncio
                    from unittest.mock import Mock

                    import pytest
                    from synapse.api.room_versions import RoomVersions
                    from synapse.events import make_event_from_dict
                    from synapse.module_api import NOT_SPAM, ModuleApi
                    from synapse.module_api.errors import Codes, ConfigError

                    from \(snakeName) import \(name)


                    def message(body: str) -> object:
                        fields = {
                            "type": "m.room.message", "room_id": "!r:test", "sender": "@a:test",
                            "content": {"msgtype": "m.text", "body": body}, "origin_server_ts": 1, "depth": 1,
                            "prev_events": [], "auth_events": [], "hashes": {}, "signatures": {},
                        }
                        return make_event_from_dict(fields, RoomVersions.V11)


                    def test_a_message_with_the_word_is_refused_and_others_are_not() -> None:
                        module = \(name)(\(name).parse_config({"word": "casino"}), Mock(spec=ModuleApi))
                        assert asyncio.run(module.check_event_for_spam(message("tea at five?"))) == NOT_SPAM
                        code, fields = asyncio.run(module.check_event_for_spam(message("to the casino!")))
                        assert code == Codes.FORBIDDEN and fields == {"error": "That word is not wanted here"}


                    def test_a_word_has_to_be_given() -> None:
                        with pytest.raises(ConfigError):
                            \(name).parse_config({})

                    """),
            File(path: ".gitignore", text: "__pycache__/\n*.egg-info/\nbuild/\n"),
            File(
                path: "README.md",
                text: """
                    # \(name)

                    A module for Synapse and Axolemma: refuses messages that hold a word.

                    Install it into the server's environment, and test it there:

                        axolemma python-env create -c homeserver.yaml --with /path/to/\(name) --with pytest
                        data/python/bin/python -m pytest /path/to/\(name)

                    Then, in homeserver.yaml:

                        modules:
                          - module: \(snakeName).\(name)
                            config:
                              word: casino

                    """),
        ]
    }
}
