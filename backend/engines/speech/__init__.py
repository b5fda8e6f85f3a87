"""What several engines share: long texts cut at sentences, sounds read and written, speakers remembered."""
