// swift-tools-version:5.9
import PackageDescription

let package = Package(
    name: "AuricleClient",
    platforms: [.macOS(.v12), .iOS(.v15), .tvOS(.v15), .watchOS(.v8)],
    products: [.library(name: "AuricleClient", targets: ["AuricleClient"])],
    targets: [
        .target(name: "AuricleClient"),
        .executableTarget(name: "auricle-transcribe", dependencies: ["AuricleClient"]),
    ]
)
