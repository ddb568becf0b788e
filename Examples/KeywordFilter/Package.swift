// swift-tools-version: 6.1
import PackageDescription

let package = Package(
    name: "KeywordFilter",
    platforms: [.macOS(.v15)],
    products: [
        // `dynamic` makes it a shared library, which is what the server loads.
        .library(name: "KeywordFilter", type: .dynamic, targets: ["KeywordFilter"])
    ],
    dependencies: [
        // In a package of your own: .package(url: "…/axolemma", exact: "the server's version").
        .package(name: "Axolemma", path: "../..")
    ],
    targets: [
        .target(name: "KeywordFilter", dependencies: [.product(name: "ModuleAPI", package: "Axolemma")]),
        .testTarget(
            name: "KeywordFilterTests",
            dependencies: ["KeywordFilter", .product(name: "ModuleAPI", package: "Axolemma")]),
    ]
)
