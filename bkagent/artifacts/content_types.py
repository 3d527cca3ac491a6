"""What kind of content a file has, told from its name as the reference does.

First a table of its own (drawn from the lists of Apache and nginx, case-sensitive), then the system's MIME tables and
Go's few built-in types, where texts are said to be UTF-8, then `binary/octet-stream`.
"""

from __future__ import annotations

import os
from typing import Dict, Iterable, Optional, Sequence

DEFAULT = "binary/octet-stream"

_TABLE = """
application/andrew-inset ez
application/atom+xml atom
application/atomcat+xml atomcat
application/atomsvc+xml atomsvc
application/dash+xml mpd
application/ecmascript ecma
application/epub+zip epub
application/font-tdpfr pfr
application/gml+xml gml
application/gpx+xml gpx
application/gzip gz
application/hyperstudio stk
application/java-archive jar war ear
application/java-serialized-object ser
application/java-vm class
application/javascript js
application/json json
application/jsonml+json jsonml
application/mac-binhex40 hqx
application/mac-compactpro cpt
application/marc mrc
application/mathematica ma nb mb
application/mathml+xml mathml
application/mbox mbox
application/mp4 mp4s
application/msword doc dot
application/mxf mxf
application/octet-stream bin dms lrf mar so dist distz pkg bpk dump elc deploy exe dll deb dmg iso img msi msp msm
application/oda oda
application/ogg ogx
application/onenote onetoc onetoc2 onetmp onepkg
application/pdf pdf
application/pgp-encrypted pgp
application/pgp-signature asc sig
application/pkcs10 p10
application/pkcs7-mime p7m p7c
application/pkcs7-signature p7s
application/pkcs8 p8
application/pkix-cert cer
application/pkix-crl crl
application/postscript ai eps ps
application/rdf+xml rdf
application/relax-ng-compact-syntax rnc
application/rss+xml rss
application/rtf rtf
application/smil+xml smi smil
application/sparql-query rq
application/sparql-results+xml srx
application/tei+xml tei teicorpus
application/vnd.android.package-archive apk
application/vnd.apple.installer+xml mpkg
application/vnd.apple.mpegurl m3u8
application/vnd.google-earth.kml+xml kml
application/vnd.google-earth.kmz kmz
application/vnd.mozilla.xul+xml xul
application/vnd.ms-cab-compressed cab
application/vnd.ms-excel xls xlm xla xlc xlt xlw
application/vnd.ms-excel.sheet.macroenabled.12 xlsm
application/vnd.ms-fontobject eot
application/vnd.ms-htmlhelp chm
application/vnd.ms-powerpoint ppt pps pot
application/vnd.ms-project mpp mpt
application/vnd.ms-xpsdocument xps
application/vnd.oasis.opendocument.graphics odg
application/vnd.oasis.opendocument.presentation odp
application/vnd.oasis.opendocument.spreadsheet ods
application/vnd.oasis.opendocument.text odt
application/vnd.openxmlformats-officedocument.presentationml.presentation pptx
application/vnd.openxmlformats-officedocument.presentationml.slideshow ppsx
application/vnd.openxmlformats-officedocument.spreadsheetml.sheet xlsx
application/vnd.openxmlformats-officedocument.spreadsheetml.template xltx
application/vnd.openxmlformats-officedocument.wordprocessingml.document docx
application/vnd.openxmlformats-officedocument.wordprocessingml.template dotx
application/vnd.tcpdump.pcap pcap cap dmp
application/vnd.visio vsd vst vss vsw
application/vnd.wap.wmlc wmlc
application/wasm wasm
application/wsdl+xml wsdl
application/x-7z-compressed 7z
application/x-ace-compressed ace
application/x-apple-diskimage dmgpart
application/x-bittorrent torrent
application/x-bzip bz
application/x-bzip2 bz2 boz
application/x-chess-pgn pgn
application/x-cocoa cco
application/x-cpio cpio
application/x-csh csh
application/x-debian-package udeb
application/x-dvi dvi
application/x-font-bdf bdf
application/x-font-pcf pcf
application/x-font-type1 pfa pfb pfm afm
application/x-gtar gtar
application/x-hdf hdf
application/x-java-archive-diff jardiff
application/x-java-jnlp-file jnlp
application/x-latex latex
application/x-lzh-compressed lzh lha
application/x-makeself run
application/x-mobipocket-ebook prc mobi
application/x-msaccess mdb
application/x-msdownload com bat
application/x-netcdf nc cdf
application/x-perl pl pm
application/x-pkcs12 p12 pfx
application/x-pkcs7-certificates p7b spc
application/x-pkcs7-certreqresp p7r
application/x-rar-compressed rar
application/x-redhat-package-manager rpm
application/x-sea sea
application/x-sh sh
application/x-shar shar
application/x-shockwave-flash swf
application/x-sql sql
application/x-stuffit sit
application/x-stuffitx sitx
application/x-subrip srt
application/x-sv4cpio sv4cpio
application/x-sv4crc sv4crc
application/x-tar tar
application/x-tcl tcl tk
application/x-tex tex
application/x-texinfo texinfo texi
application/x-ustar ustar
application/x-wais-source src
application/x-x509-ca-cert der crt pem
application/x-xpinstall xpi
application/x-xz xz
application/xhtml+xml xhtml xht
application/xml xsl
application/xml-dtd dtd
application/xop+xml xop
application/xslt+xml xslt
application/xspf+xml xspf
application/yang yang
application/zip zip
application/zstd zst
audio/adpcm adp
audio/basic au snd
audio/midi mid midi kar rmi
audio/mp4 mp4a
audio/mpeg mpga mp2 mp2a mp3 m2a m3a
audio/ogg oga ogg spx opus
audio/webm weba
audio/x-aac aac
audio/x-aiff aif aiff aifc
audio/x-flac flac
audio/x-m4a m4a
audio/x-matroska mka
audio/x-mpegurl m3u
audio/x-ms-wma wma
audio/x-realaudio ra
audio/x-wav wav
chemical/x-pdb pdb
chemical/x-xyz xyz
font/collection ttc
font/otf otf
font/ttf ttf
font/woff woff
font/woff2 woff2
image/avif avif
image/bmp bmp
image/cgm cgm
image/g3fax g3
image/gif gif
image/ief ief
image/jpeg jpeg jpg jpe
image/png png
image/sgi sgi
image/svg+xml svg svgz
image/tiff tiff tif
image/vnd.adobe.photoshop psd
image/vnd.djvu djvu djv
image/vnd.dwg dwg
image/vnd.dxf dxf
image/vnd.wap.wbmp wbmp
image/webp webp
image/x-cmu-raster ras
image/x-icon ico
image/x-jng jng
image/x-pcx pcx
image/x-pict pic pct
image/x-portable-anymap pnm
image/x-portable-bitmap pbm
image/x-portable-graymap pgm
image/x-portable-pixmap ppm
image/x-rgb rgb
image/x-tga tga
image/x-xbitmap xbm
image/x-xpixmap xpm
image/x-xwindowdump xwd
message/rfc822 eml mime
model/iges igs iges
model/mesh msh mesh silo
model/vrml wrl vrml
text/cache-manifest appcache
text/calendar ics ifb
text/css css
text/csv csv
text/html html htm shtml
text/javascript mjs
text/mathml mml
text/n3 n3
text/plain txt text conf def list log in
text/richtext rtx
text/sgml sgml sgm
text/tab-separated-values tsv
text/troff t tr roff man me ms
text/turtle ttl
text/uri-list uri uris urls
text/vcard vcard
text/vnd.graphviz gv
text/vnd.sun.j2me.app-descriptor jad
text/vnd.wap.wml wml
text/vtt vtt
text/x-asm s asm
text/x-c c cc cxx cpp h hh dic
text/x-component htc
text/x-fortran f for f77 f90
text/x-java-source java
text/x-nfo nfo
text/x-opml opml
text/x-pascal p pas
text/x-setext etx
text/x-sfv sfv
text/x-uuencode uu
text/x-vcalendar vcs
text/x-vcard vcf
text/xml xml
text/yaml yaml yml
video/3gpp 3gp 3gpp
video/3gpp2 3g2
video/h264 h264
video/jpeg jpgv
video/mp2t ts
video/mp4 mp4 mp4v mpg4
video/mpeg mpeg mpg mpe m1v m2v
video/ogg ogv
video/quicktime qt mov
video/webm webm
video/x-f4v f4v
video/x-flv flv
video/x-m4v m4v
video/x-matroska mkv mk3d mks
video/x-mng mng
video/x-ms-asf asf asx
video/x-ms-wm wm
video/x-ms-wmv wmv
video/x-msvideo avi
video/x-sgi-movie movie
"""
_GO_TABLE = {
    "avif": "image/avif", "css": "text/css; charset=utf-8", "gif": "image/gif", "htm": "text/html; charset=utf-8",
    "html": "text/html; charset=utf-8", "jpeg": "image/jpeg", "jpg": "image/jpeg",
    "js": "text/javascript; charset=utf-8", "json": "application/json", "mjs": "text/javascript; charset=utf-8",
    "pdf": "application/pdf", "png": "image/png", "svg": "image/svg+xml", "wasm": "application/wasm",
    "webp": "image/webp", "xml": "text/xml; charset=utf-8",
}  # fmt: skip

# Go reads the first kind that is there, and of the second kind all.
SYSTEM_GLOBS = ("/usr/local/share/mime/globs2", "/usr/share/mime/globs2")
SYSTEM_TABLES = (
    "/etc/mime.types",
    "/etc/apache2/mime.types",
    "/etc/apache/mime.types",
    "/etc/httpd/conf/mime.types",
)


class ContentTypes:
    """Content types by extension; the system's tables are read when a file asks for them, once."""

    def __init__(self, globs: Sequence[str] = SYSTEM_GLOBS, tables: Sequence[str] = SYSTEM_TABLES) -> None:
        self._globs, self._tables = globs, tables
        self._own = dict(_pairs(_TABLE.split("\n")))
        self._system: Optional[Dict[str, str]] = None

    def of(self, path: str) -> str:
        """Return the content type of a file of that name."""
        _, dot, extension = os.path.basename(path).rpartition(".")
        if not dot or not extension:
            return DEFAULT
        if extension in self._own:
            return self._own[extension]
        if self._system is None:
            self._system = _read_system(self._globs, self._tables)
        lower = extension.lower()
        for table, name in ((self._system, extension), (self._system, lower), (_GO_TABLE, lower)):
            if name in table:
                return table[name]
        return DEFAULT


def _read_system(globs: Sequence[str], tables: Sequence[str]) -> Dict[str, str]:
    found: Dict[str, str] = {}
    for path in globs:
        for line in _lines(path):
            fields = line.split(":")
            extension = fields[2][2:] if len(fields) >= 3 and fields[2].startswith("*.") else ""
            if extension and not any(letter in extension for letter in "*?["):
                found.setdefault(extension, _as_utf8(fields[1]))
        if found:
            return found
    for path in tables:
        for extension, kind in _pairs(_lines(path)):
            found[extension] = _as_utf8(kind)
    return found


def _pairs(lines: Iterable[str]) -> "Iterable[tuple[str, str]]":
    for line in lines:
        words = line.partition("#")[0].split()
        for extension in words[1:]:
            yield extension, words[0]


def _lines(path: str) -> Sequence[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(4 * 1024 * 1024).split("\n")
    except OSError:
        return ()


def _as_utf8(kind: str) -> str:
    return kind + "; charset=utf-8" if kind.startswith("text/") and "charset" not in kind else kind
