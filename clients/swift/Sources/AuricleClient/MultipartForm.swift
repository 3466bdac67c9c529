// A recording and its fields as a form in a temporary file, so that URLSession reads it from disk.

import Foundation

struct MultipartForm {
    let url: URL
    let contentType: String

    init(_ pairs: [(String, String)], file: URL) throws {
        let boundary = UUID().uuidString
        contentType = "multipart/form-data; boundary=\(boundary)"
        url = FileManager.default.temporaryDirectory.appendingPathComponent("auricle-\(boundary)")
        let recording = try FileHandle(forReadingFrom: file)
        defer { try? recording.close() }
        var head = ""
        for (name, value) in pairs {
            head += "--\(boundary)\r\nContent-Disposition: form-data; name=\"\(name)\"\r\n\r\n\(value)\r\n"
        }
        let name = file.lastPathComponent
            .replacingOccurrences(of: "\"", with: "%22")
            .replacingOccurrences(of: "\r", with: "%0D")
            .replacingOccurrences(of: "\n", with: "%0A")
        head += "--\(boundary)\r\nContent-Disposition: form-data; name=\"file\"; filename=\"\(name)\"\r\n"
        head += "Content-Type: application/octet-stream\r\n\r\n"
        let tail = Data("\r\n--\(boundary)--\r\n".utf8)
        do {
            try Data(head.utf8).write(to: url)
            let form = try FileHandle(forWritingTo: url)
            defer { try? form.close() }
            try form.seekToEnd()
            while let piece = try recording.read(upToCount: 1 << 20), !piece.isEmpty {
                try form.write(contentsOf: piece)
            }
            try form.write(contentsOf: tail)
        } catch {
            try? FileManager.default.removeItem(at: url)
            throw error
        }
    }

    func remove() {
        try? FileManager.default.removeItem(at: url)
    }
}
