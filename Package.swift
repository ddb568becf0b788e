// swift-tools-version: 6.1
import PackageDescription

/// The settings every target of ours is written under (docs/architecture.md, "Settings").
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

let package = Package(
    name: "Axolemma",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "axolemma", targets: ["App"]),
        .library(name: "MatrixCore", targets: ["MatrixCore"]),
        // Dynamic, so that a plug-in does not bring copies of the server's types: docs/decisions/0003. ModuleTesting is in it,
        // since a library of its own would bring copies of them too.
        .library(name: "ModuleAPI", type: .dynamic, targets: ["ModuleAPI", "MatrixCore", "ModuleTesting"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        .target(
            name: "MatrixCore",
            dependencies: [.product(name: "Crypto", package: "swift-crypto")],
            swiftSettings: settings),
        .target(name: "CPostgres"),
        .systemLibrary(name: "CCrypt", providers: [.apt(["libcrypt-dev"])]),
        .target(
            name: "SQLEngine",
            dependencies: [
                "CPostgres", .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings),
        .target(
            name: "TestSupport",
            dependencies: [
                "MatrixCore", "SQLEngine",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "WebServerTests",
            dependencies: [
                "WebServer", "MatrixCore", "ServerMetrics", "TestSupport",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings),
        .testTarget(name: "SQLEngineTests", dependencies: ["SQLEngine", "TestSupport"], swiftSettings: settings),
        .target(name: "ModuleAPI", dependencies: ["MatrixCore"], swiftSettings: settings),
        .target(name: "ModuleTesting", dependencies: ["MatrixCore", "ModuleAPI"], swiftSettings: settings),
        .testTarget(
            name: "ModuleTestingTests", dependencies: ["KeywordFilter", "MatrixCore", "ModuleAPI", "ModuleTesting"],
            swiftSettings: settings),
        .target(
            name: "PythonHost",
            dependencies: [
                "MatrixCore", "ModuleAPI",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "PythonHostTests",
            dependencies: [
                "MatrixCore", "ModuleAPI", "PythonHost",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            exclude: ["Hosts"],
            swiftSettings: settings),
        .target(
            name: "ServerConfiguration",
            dependencies: ["MatrixCore", .product(name: "Yams", package: "Yams")],
            swiftSettings: settings),
        .target(
            name: "Storage",
            dependencies: ["MatrixCore", "SQLEngine", .product(name: "Crypto", package: "swift-crypto")],
            resources: [.embedInCode("Migrations")],
            swiftSettings: settings),
        .target(
            name: "Homeserver",
            dependencies: [
                "MatrixCore", "SQLEngine", "Storage", "ModuleAPI", "CCrypt",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings),
        .target(
            name: "Outbound",
            dependencies: [
                "MatrixCore",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "OutboundTests",
            dependencies: [
                "MatrixCore", "Outbound", "TestSupport",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ],
            swiftSettings: settings),
        .target(name: "ServerMetrics", swiftSettings: settings),
        .target(
            name: "WebServer",
            dependencies: [
                "MatrixCore", "ServerMetrics",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings),
        .target(name: "ClientAPI", dependencies: ["MatrixCore", "Homeserver", "WebServer"], swiftSettings: settings),
        .target(name: "AdminAPI", dependencies: ["MatrixCore", "Homeserver", "WebServer"], swiftSettings: settings),
        .executableTarget(
            name: "App",
            dependencies: [
                "MatrixCore", "SQLEngine", "Storage", "Homeserver", "ModuleAPI", "WebServer", "ClientAPI", "AdminAPI",
                "Outbound", "PythonHost", "ServerMetrics",
                "ServerConfiguration",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings,
            linkerSettings: [
                // A plug-in finds the types it shares with the server here: docs/decisions/0003. All else may be left out
                // or moved together, which keeps the server's memory small.
                .unsafeFlags([
                    "-use-ld=lld",
                    "-Xlinker", "--export-dynamic-symbol=*10MatrixCore*",
                    "-Xlinker", "--export-dynamic-symbol=*9ModuleAPI*",
                    "-Xlinker", "-z", "-Xlinker", "pack-relative-relocs",
                ])
            ]),
        .testTarget(
            name: "HomeserverTests",
            dependencies: [
                "Homeserver", "KeywordFilter", "MatrixCore", "ModuleAPI", "ModuleTesting", "SQLEngine", "Storage",
                "TestSupport",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings,
            // The tests load plug-ins as the server does.
            linkerSettings: [.unsafeFlags(["-Xlinker", "--export-dynamic"])]),
        .target(
            name: "KeywordFilter", dependencies: ["MatrixCore", "ModuleAPI"],
            path: "Examples/KeywordFilter/Sources/KeywordFilter", swiftSettings: settings),
        .testTarget(
            name: "StorageTests", dependencies: ["MatrixCore", "SQLEngine", "Storage", "TestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "ClientAPITests",
            dependencies: [
                "AdminAPI", "ClientAPI", "Homeserver", "MatrixCore", "SQLEngine", "Storage", "TestSupport", "WebServer",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings),
        .executableTarget(
            name: "CoreBenchmarks", dependencies: ["MatrixCore"], path: "Benchmarks/Core", swiftSettings: settings),
        .testTarget(name: "MatrixCoreTests", dependencies: ["MatrixCore"], swiftSettings: settings),
        .testTarget(
            name: "AppTests",
            dependencies: [
                "App", "MatrixCore", "ModuleAPI", "Outbound", "ServerConfiguration", "ServerMetrics", "TestSupport",
                "WebServer",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "ServerConfigurationTests", dependencies: ["MatrixCore", "ServerConfiguration"],
            swiftSettings: settings),
    ]
)
