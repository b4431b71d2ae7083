#include "runtime/io/zip_sink.hpp"

#include <cerrno>

#include <sys/types.h>
#include <unistd.h>

namespace tpc::io {
namespace {

zip_int64_t failed(ZipSink& sink, int code, int system_error) {
    zip_error_set(&sink.error, code, system_error);
    return -1;
}

zip_int64_t seek(ZipSink& sink, void* data, zip_uint64_t length) {
    const auto* to = ZIP_SOURCE_GET_ARGS(zip_source_args_seek_t, data, length, &sink.error);
    if (to == nullptr)
        return -1;
    return ::lseek(sink.file->descriptor(), to->offset, to->whence) < 0 ? failed(sink, ZIP_ER_SEEK, errno) : 0;
}

zip_int64_t write(ZipSink& sink, const void* data, zip_uint64_t length) {
    if (const auto wrote = sink.file->write(data, length); !wrote) {
        sink.failure = wrote.error();
        return failed(sink, ZIP_ER_WRITE, 0);
    }
    return static_cast<zip_int64_t>(length);
}

zip_int64_t serve(void* state, void* data, zip_uint64_t length, zip_source_cmd_t command) {
    ZipSink& sink = *static_cast<ZipSink*>(state);
    switch (command) {
    case ZIP_SOURCE_SUPPORTS:
        return ZIP_SOURCE_SUPPORTS_WRITABLE;
    case ZIP_SOURCE_STAT: // "there is no archive yet"
        return failed(sink, ZIP_ER_READ, ENOENT);
    case ZIP_SOURCE_ERROR:
        return zip_error_to_data(&sink.error, data, length);
    case ZIP_SOURCE_WRITE:
        return write(sink, data, length);
    case ZIP_SOURCE_SEEK_WRITE:
        return seek(sink, data, length);
    case ZIP_SOURCE_TELL_WRITE: {
        const ::off_t position = ::lseek(sink.file->descriptor(), 0, SEEK_CUR);
        return position < 0 ? failed(sink, ZIP_ER_TELL, errno) : position;
    }
    case ZIP_SOURCE_BEGIN_WRITE:
    case ZIP_SOURCE_COMMIT_WRITE:   // the file is committed by its owner
    case ZIP_SOURCE_ROLLBACK_WRITE: // or discarded by it
    case ZIP_SOURCE_FREE:
        return 0;
    default:
        return failed(sink, ZIP_ER_OPNOTSUPP, 0);
    }
}

} // namespace

zip_source_t* make_zip_source(ZipSink& sink) {
    zip_error_init(&sink.error);
    return zip_source_function_create(serve, &sink, &sink.error);
}

} // namespace tpc::io
