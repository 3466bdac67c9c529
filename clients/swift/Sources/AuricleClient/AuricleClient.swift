// A client for Auricle's speech-to-text server. It needs Foundation only.

import Foundation
#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// A server that turns recordings into text. Values of this type may be shared between tasks.
public struct AuricleClient: Sendable {
    private let baseURL: URL
    private let apiKey: String?
    private let maxRetries: Int
    private let session: URLSession

    /// `timeout` is how many seconds the server may be silent: without streaming it is, until the
    /// whole recording is done.
    public init(
        baseURL: URL = URL(string: "http://localhost:50060")!,
        apiKey: String? = nil,
        timeout: TimeInterval = 3600,
        maxRetries: Int = 2
    ) {
        self.baseURL = baseURL.lastPathComponent == "v1" ? baseURL.deletingLastPathComponent() : baseURL
        self.apiKey = apiKey
        self.maxRetries = maxRetries
        let configuration = URLSessionConfiguration.ephemeral
        configuration.timeoutIntervalForRequest = timeout
        self.session = URLSession(configuration: configuration)
    }

    /// What is said in a recording, with segments and their times.
    public func transcribe(_ file: URL, _ options: Options = Options()) async throws -> Transcription {
        try await decoded(Transcription.self, from: whole("transcriptions", file, options))
    }

    /// The same in English.
    public func translate(_ file: URL, _ options: Options = Options()) async throws -> Transcription {
        try await decoded(Transcription.self, from: whole("translations", file, options))
    }

    /// A recording as subtitles or plain text.
    public func text(
        of file: URL, as format: TextFormat, _ options: Options = Options()
    ) async throws -> String {
        var asked = options
        asked.fields["response_format"] = format.rawValue
        return String(decoding: try await whole("transcriptions", file, asked), as: UTF8.self)
    }

    /// Whether the server can take requests now.
    public func health() async throws -> Health {
        try await decoded(Health.self, from: send(request("GET", "health"), accepting: [200, 503]))
    }

    #if !canImport(FoundationNetworking)
    /// The text while it is recognised: deltas, then one `.done`. Cancelling the task that reads
    /// ends the request. Not available where Foundation comes with FoundationNetworking (Linux,
    /// Windows): its URLSession has no `bytes`.
    public func stream(
        _ file: URL, _ options: Options = Options()
    ) -> AsyncThrowingStream<Event, Error> {
        AsyncThrowingStream { continuation in
            let reading = Task {
                do {
                    try await read(file, options) { continuation.yield($0) }
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
            continuation.onTermination = { _ in reading.cancel() }
        }
    }

    private func read(
        _ file: URL, _ options: Options, _ handle: (Event) -> Void
    ) async throws {
        var asked = options
        asked.fields["stream"] = "true"
        asked.fields["response_format"] = "json"
        let form = try MultipartForm(asked.pairs, file: file)
        defer { form.remove() }
        var post = request("POST", "v1/audio/transcriptions")
        post.setValue(form.contentType, forHTTPHeaderField: "Content-Type")
        post.httpBodyStream = InputStream(url: form.url)
        let (bytes, response) = try await session.bytes(for: post)
        let answer = try http(response)
        if answer.statusCode != 200 {
            var body = Data()
            for try await byte in bytes { body.append(byte) }
            throw AuricleError(answer, body)
        }
        var isDone = false
        // Auricle writes every event as one line of data, so the blank lines that `lines` leaves
        // out are not missed.
        for try await line in bytes.lines where line.hasPrefix("data:") {
            let data = line.dropFirst(5).drop { $0 == " " }
            if data == "[DONE]" { continue }
            guard let event = try Event(Data(data.utf8), answer) else { continue }
            if case .done = event { isDone = true }
            handle(event)
        }
        if !isDone { throw AuricleError("the stream ended before the transcription was done") }
    }
    #endif

    private func whole(_ action: String, _ file: URL, _ options: Options) async throws -> Data {
        let form = try MultipartForm(options.pairs, file: file)
        defer { form.remove() }
        var post = request("POST", "v1/audio/\(action)")
        post.setValue(form.contentType, forHTTPHeaderField: "Content-Type")
        return try await send(post, uploading: form.url, accepting: [200])
    }

    private func request(_ method: String, _ path: String) -> URLRequest {
        var request = URLRequest(url: baseURL.appendingPathComponent(path))
        request.httpMethod = method
        if let apiKey { request.setValue("Bearer \(apiKey)", forHTTPHeaderField: "Authorization") }
        return request
    }

    /// Sends a request again when the server could not take it just then, as often as is allowed.
    private func send(
        _ request: URLRequest, uploading file: URL? = nil, accepting accepted: Set<Int>
    ) async throws -> Data {
        var nFailed = 0
        while true {
            let (body, answer) = try await once(request, file)
            if accepted.contains(answer.statusCode) { return body }
            let error = AuricleError(answer, body)
            guard nFailed < maxRetries, let wait = error.secondsToWait(nFailed, answer) else {
                throw error
            }
            nFailed += 1
            try await Task.sleep(nanoseconds: UInt64(wait * 1_000_000_000))
        }
    }

    /// With a completion handler, because that is what every platform's Foundation has.
    private func once(_ request: URLRequest, _ file: URL?) async throws -> (Data, HTTPURLResponse) {
        let running = Running()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let completed: @Sendable (Data?, URLResponse?, Error?) -> Void = { body, response, error in
                    if let error {
                        continuation.resume(throwing: error)
                    } else if let answer = response as? HTTPURLResponse {
                        continuation.resume(returning: (body ?? Data(), answer))
                    } else {
                        continuation.resume(throwing: AuricleError("the answer is not HTTP"))
                    }
                }
                if let file {
                    running.start(session.uploadTask(with: request, fromFile: file, completionHandler: completed))
                } else {
                    running.start(session.dataTask(with: request, completionHandler: completed))
                }
            }
        } onCancel: {
            running.cancel()
        }
    }

    private func http(_ response: URLResponse) throws -> HTTPURLResponse {
        guard let answer = response as? HTTPURLResponse else {
            throw AuricleError("the answer is not HTTP")
        }
        return answer
    }

    /// A server that kept a long wait alive with blanks can only tell of a failure in the body.
    private func decoded<Body: Decodable>(_: Body.Type, from data: Data) throws -> Body {
        if let error = (try? JSONDecoder().decode(ErrorBody.self, from: data))?.error {
            throw AuricleError(error.message, status: 200, param: error.param, code: error.code)
        }
        return try JSONDecoder().decode(Body.self, from: data)
    }
}

/// A task of URLSession that may be cancelled before it has started.
private final class Running: @unchecked Sendable {
    private let lock = NSLock()
    private var task: URLSessionTask?
    private var isCancelled = false

    func start(_ task: URLSessionTask) {
        lock.lock()
        defer { lock.unlock() }
        self.task = task
        task.resume()
        if isCancelled { task.cancel() }
    }

    func cancel() {
        lock.lock()
        defer { lock.unlock() }
        isCancelled = true
        task?.cancel()
    }
}
