// swift-tools-version: 6.1
import PackageDescription

/// The plug-in of Benchmarks/modules.py, built by scripts/bench-modules.
let package = Package(
    name: "NoOp",
    platforms: [.macOS(.v15)],
    products: [.library(name: "NoOp", type: .dynamic, targets: ["NoOp"])],
    dependencies: [.package(name: "Axolemma", path: "../..")],
    targets: [.target(name: "NoOp", dependencies: [.product(name: "ModuleAPI", package: "Axolemma")])]
)
