"""Download models: where from (policy), how (transfer and source; package_source, package_tools and archives), and
into a hidden folder first (staging), then into place (layouts)."""
