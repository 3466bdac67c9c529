// An example: transcribe a recording from the command line.

import AuricleClient
import Foundation

let help = """
    auricle-transcribe [--stream] [--language CODE] FILE

    The server is AURICLE_URL, otherwise http://localhost:50060; an API key is AURICLE_API_KEY.
    """

func fail(_ status: Int32, _ message: String) -> Never {
    FileHandle.standardError.write(Data("auricle-transcribe: \(message)\n".utf8))
    exit(status)
}

var options = Options()
var isStreamed = false
var path: String?
var arguments = CommandLine.arguments.dropFirst().makeIterator()
while let argument = arguments.next() {
    switch argument {
    case "--help":
        print(help)
        exit(0)
    case "--stream":
        isStreamed = true
    case "--language":
        guard let language = arguments.next() else { fail(2, "--language wants a value") }
        options.language = language
    default:
        path = argument
    }
}
guard let recording = path else { fail(2, "which recording? see --help") }

let environment = ProcessInfo.processInfo.environment
guard let url = URL(string: environment["AURICLE_URL"] ?? "http://localhost:50060") else {
    fail(2, "AURICLE_URL is no address")
}
let client = AuricleClient(baseURL: url, apiKey: environment["AURICLE_API_KEY"])
let file = URL(fileURLWithPath: recording)

do {
    if isStreamed {
        #if canImport(FoundationNetworking)
        fail(2, "--stream needs an Apple platform")
        #else
        for try await event in client.stream(file, options) {
            guard case .delta(let text) = event else { continue }
            FileHandle.standardOutput.write(Data(text.utf8))
        }
        print()
        #endif
    } else {
        print(try await client.transcribe(file, options).text)
    }
} catch let error as AuricleError {
    fail(1, error.errorDescription ?? error.message)
} catch {
    fail(3, error.localizedDescription)
}
