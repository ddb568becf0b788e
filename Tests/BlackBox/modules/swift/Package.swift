// swift-tools-version: 6.1
import PackageDescription

/// Plug-ins for the tests of modules (Tests/BlackBox/modules), built by scripts/example.
let package = Package(
    name: "Puppet",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "Puppet", type: .dynamic, targets: ["Puppet"]),
        .library(name: "StalePuppet", type: .dynamic, targets: ["StalePuppet"]),
    ],
    dependencies: [
        .package(name: "Axolemma", path: "../../../..")
    ],
    targets: [
        .target(name: "Puppet", dependencies: [.product(name: "ModuleAPI", package: "Axolemma")]),
        .target(name: "StalePuppet", dependencies: [.product(name: "ModuleAPI", package: "Axolemma")]),
    ]
)
